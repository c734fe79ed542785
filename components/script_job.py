"""A shell script that runs once inside a cluster, with an account and rights of its own.

Owns the shape of such a Job: admissible under OpenShift's restricted-v2, tried once, its last words the message that
Pulumi shows; that no Job of an earlier run stands in its way; and what all scripts begin with (`prelude.sh` in this
folder). What a script does and what it may do is the business of the component that brings it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component, once
from components.container_resources import ContainerResources
from components.custom_resource import CONFIG_MAP, JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, KubernetesObject
from components.restricted_pod import (
    PodShape,
    SecretFile,
    container_security,
    placement,
    pod_security,
    secret_mount,
    secret_volume,
)
from components.shell_script import read_script

# The one writable folder of the container, for kubectl's cache and what the prelude keeps.
HOME = "/home/job"
PRELUDE = Path(__file__).parent / "prelude.sh"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """In what a script runs, and for how long.

    Attributes:
        image: an image with sh and whatever else the script calls.
        user: UID, 0 for "as the cluster assigns" (OpenShift does).
        pull_secret: name of the Secret that the image's registry asks for, empty for none.
        shape: where its pod runs, and what else pulls its image.
        resources: of its container.
        proxy: variables that say which proxy it uses, none of them secret.
        seconds: how long the script gives itself; the Job ends a minute later.
    """

    image: str
    user: int
    pull_secret: str
    shape: PodShape
    resources: ContainerResources
    proxy: Mapping[str, str]
    seconds: int


@dataclass(frozen=True, kw_only=True)
class ScriptJobArgs:
    """What to run, and as whom.

    Attributes:
        job: name of the Job; what its name begins with, if it is not repeatable.
        account: name of its service account, Role and RoleBinding.
        namespace: of all of them.
        script: from `job_script`; it gets JOB_NAME, JOB_UID, TIMEOUT_SECONDS and HOME besides `environment`.
        environment: values that are not secret: whoever may read the Job may read them.
        rules: rights of the account in its namespace; without any, here or elsewhere, the pod gets no token at all.
        has_rights_elsewhere: whether the component that asks gives the account rights outside its namespace.
        secrets: folder below `/secrets` -> name of the Secret whose keys are the files in it, or a single one of them.
        runtime: in what it runs.
        repeatable: whether it runs again whenever anything about it changes but labels and annotations. If not, it
            runs once for each value of its first variable, a number, and never again: what stands keeps the settings
            that it ran with.
    """

    job: str
    account: str
    namespace: str
    script: str
    environment: dict[str, pulumi.Input[str]]
    rules: list[dict[str, Any]]
    has_rights_elsewhere: bool
    secrets: Mapping[str, pulumi.Input[str] | SecretFile]
    runtime: Runtime
    repeatable: bool


def job_script(*files: Path) -> str:
    """The text of script files, one behind the other, with the prelude before them."""
    return read_script(PRELUDE, *files)


def environment(args: ScriptJobArgs) -> list[dict[str, Any]]:
    """The container's variables."""
    uid = {
        "name": "JOB_UID",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}},
    }
    own = {"TIMEOUT_SECONDS": str(args.runtime.seconds), "JOB_NAME": args.job, "HOME": HOME}
    # What runs only once keeps its variables, and the engine cannot ignore a new one in a list.
    proxy = args.runtime.proxy if args.repeatable else {}
    values = {**args.environment, **own, **proxy}
    return [*({"name": name, "value": value} for name, value in values.items()), uid]


def pod_spec(args: ScriptJobArgs) -> dict[str, Any]:
    """The pod, admissible under OpenShift's restricted-v2 and under Kubernetes' restricted standard."""
    spec: dict[str, Any] = {
        "serviceAccountName": args.account,
        "restartPolicy": "Never",
        "securityContext": pod_security(args.runtime.user, volumes=bool(args.secrets)),
        "containers": [
            {
                "name": "script",
                "image": args.runtime.image,
                "command": ["/bin/sh", "-c", args.script],
                "env": environment(args),
                # The last lines of a failed run become the message that Pulumi shows.
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": container_security(),
                "resources": args.runtime.resources.manifest(),
                "volumeMounts": [{"name": "home", "mountPath": HOME}, *map(secret_mount, args.secrets)],
            }
        ],
        "volumes": [
            {"name": "home", "emptyDir": {"sizeLimit": "16Mi"}},
            *(secret_volume(folder, secret) for folder, secret in args.secrets.items()),
        ],
    }
    if not args.rules and not args.has_rights_elsewhere:
        spec["automountServiceAccountToken"] = False
    # Last: the digest of a run sees the order, and another digest is another run.
    return spec | placement(args.runtime.shape, args.runtime.pull_secret)


def job_spec(args: ScriptJobArgs) -> dict[str, Any]:
    """One try: what fails is for a person to read, and the next `up` tries again."""
    return {
        "backoffLimit": 0,
        # A drained node is no failed script: such a pod is made again.
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        # The script ends by itself and says why; this ends only what hangs.
        "activeDeadlineSeconds": args.runtime.seconds + 60,
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": args.job, "app.kubernetes.io/part-of": "rhsi"}},
            "spec": pod_spec(args),
        },
    }


def owner_reference(name: str, run: KubernetesObject) -> dict[str, Any]:
    """The Job goes with the ConfigMap of its run, and the ConfigMap stays until it is gone."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": name,
        "uid": run.metadata.apply(lambda metadata: str(metadata.get("uid", ""))),
        "blockOwnerDeletion": True,
    }


def digest(spec: dict[str, Any]) -> pulumi.Output[str]:
    """Eight digits that tell one Job from another."""
    return pulumi.Output.json_dumps(spec).apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:8])


# What a pod's spec may have or not, by the settings: each is ignored whether it is there or not.
PLACEMENT = ("imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName")


def all_but_first_variable(spec: dict[str, Any]) -> list[str]:
    """Everything about a Job but the first variable of its script."""
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    return [
        "metadata.name",
        "metadata.ownerReferences",
        *(f"spec.{field}" for field in spec if field != "template"),
        "spec.template.metadata",
        *(f"spec.template.spec.{field}" for field in (*pod, *PLACEMENT) if field != "containers"),
        *(f"spec.template.spec.containers[0].{field}" for field in container if field != "env"),
        *(f"spec.template.spec.containers[0].env[{index}]" for index in range(1, len(container["env"]))),
    ]


class ScriptJob(Component):
    """The Job with its account and rights; done when the script is.

    The Job belongs to a ConfigMap of its name, which is another one for each run. An `up` that was killed may leave a
    Job that no state knows, and a Job's template cannot be changed. The next `up` of other settings replaces the
    ConfigMap first. Its deletion ends only when the Job and its pod are gone (blockOwnerDeletion,
    https://kubernetes.io/docs/concepts/architecture/garbage-collection/), so two runs never work at the same time.
    """

    job_id: pulumi.Output[str]

    def __init__(self, name: str, args: ScriptJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:ScriptJob", name, opts)
        account = KubernetesObject(
            f"{name}-account",
            SERVICE_ACCOUNT,
            metadata={"name": args.account, "namespace": args.namespace},
            opts=self.child(),
        )
        rights = [self._binding(name, args, account)] if args.rules else []
        spec = job_spec(args)
        number = "" if args.repeatable else str(next(iter(args.environment.values())))
        run = KubernetesObject(
            f"{name}-run",
            CONFIG_MAP,
            metadata={"name": args.job, "namespace": args.namespace},
            data={"run": number or digest(spec)},
            opts=self.child(delete_before_replace=True),
        )
        limit = f"{args.runtime.seconds + 120}s"
        options: dict[str, Any] = {
            "depends_on": [account, *rights, run],
            # It goes with the run's ConfigMap, whatever else is the same.
            "replace_with": [run] if args.repeatable else None,
            "delete_before_replace": True,
            # A preview, which does not give it (below), would show it as deleted.
            "hide_diffs": ["metadata.ownerReferences"],
            "custom_timeouts": pulumi.CustomTimeouts(create=limit, update=limit, delete="2m"),
        }
        metadata: dict[str, Any] = {
            "name": args.job,
            "namespace": args.namespace,
            # The next `up` replaces a failed Job instead of reporting its failure again.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        }
        # Labels and annotations of the pod are a part of the template, but no reason to run again. The next run has
        # them: where the engine replaces, it ignores no change (pulumi:pkg/resource/deploy/step_generator.go).
        ignored = ["spec.template.metadata"]
        logical_name = f"{name}-job"
        if number:
            # Each number has an entry of its own in the state. What stands keeps the settings that it ran with.
            options["aliases"] = [pulumi.Alias(name=logical_name)]
            logical_name = f"{logical_name}-{number}"
            metadata["name"] = pulumi.Output.format("{}-{}", args.job, digest(spec))
            ignored = all_but_first_variable(spec)
        if pulumi.runtime.is_dry_run():
            # The provider asks the API server about an object only if it knows all of it, and a preview does not know
            # the next owner.
            ignored = list(dict.fromkeys([*ignored, "metadata.ownerReferences"]))
        else:
            metadata["ownerReferences"] = [owner_reference(args.job, run)]
        job = KubernetesObject(
            logical_name,
            JOB,
            metadata=metadata,
            spec=spec,
            opts=self.child(ignore_changes=ignored, **options),
        )
        # Unknown until the Job is done; its name would be known in every preview.
        self.job_id = job.id
        self.register_outputs({"jobId": self.job_id})

    def _binding(self, name: str, args: ScriptJobArgs, account: KubernetesObject) -> KubernetesObject:
        role = KubernetesObject(
            f"{name}-role",
            ROLE,
            metadata={"name": args.account, "namespace": args.namespace},
            rules=args.rules,
            opts=self.child(),
        )
        return KubernetesObject(
            f"{name}-binding",
            ROLE_BINDING,
            metadata={"name": args.account, "namespace": args.namespace},
            roleRef={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                # Unknown until the Role exists: the API server looks it up even in the dry run of a preview, unless the
                # operator may bind everything.
                "name": once(role, args.account),
            },
            subjects=[{"kind": "ServiceAccount", "name": args.account, "namespace": args.namespace}],
            opts=self.child(depends_on=[account, role]),
        )
