"""A shell script that runs once inside a cluster, with an account and rights of its own.

Owns the shape of such a Job: admissible under OpenShift's restricted-v2, tried once, its last words the message that
Pulumi shows; and what all scripts begin with (`prelude.sh` in this folder). What a script does and what it may do is
the business of the component that brings it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, KubernetesObject
from components.restricted_pod import container_security, pod_security, secret_mount, secret_volume
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
        seconds: how long the script gives itself; the Job ends a minute later.
    """

    image: str
    user: int
    pull_secret: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class ScriptJobArgs:
    """What to run, and as whom.

    Attributes:
        job: name of the Job.
        account: name of its service account, Role and RoleBinding.
        namespace: of all of them.
        script: from `job_script`; it gets JOB_NAME, JOB_UID, TIMEOUT_SECONDS and HOME besides `environment`.
        environment: values that are not secret: whoever may read the Job may read them.
        rules: rights of the account in its namespace; without any, the pod gets no token at all.
        secrets: folder below `/secrets` -> name of the Secret whose keys are the files in it.
        runtime: in what it runs.
        repeatable: whether another text of the script runs it again. If not, the Job keeps the script that it had at
            first, also when something else replaces it.
    """

    job: str
    account: str
    namespace: str
    script: str
    environment: dict[str, pulumi.Input[str]]
    rules: list[dict[str, Any]]
    secrets: dict[str, pulumi.Input[str]]
    runtime: Runtime
    repeatable: bool


def job_script(file: Path) -> str:
    """The text of a script file with the prelude before it."""
    return read_script(PRELUDE, file)


def environment(args: ScriptJobArgs) -> list[dict[str, Any]]:
    """The container's variables."""
    uid = {
        "name": "JOB_UID",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}},
    }
    own = {"TIMEOUT_SECONDS": str(args.runtime.seconds), "JOB_NAME": args.job, "HOME": HOME}
    values = {**args.environment, **own}
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
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "volumeMounts": [{"name": "home", "mountPath": HOME}, *map(secret_mount, args.secrets)],
            }
        ],
        "volumes": [
            {"name": "home", "emptyDir": {"sizeLimit": "16Mi"}},
            *(secret_volume(folder, secret) for folder, secret in args.secrets.items()),
        ],
    }
    if not args.rules:
        spec["automountServiceAccountToken"] = False
    if args.runtime.pull_secret:
        spec["imagePullSecrets"] = [{"name": args.runtime.pull_secret}]
    return spec


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


class ScriptJob(Component):
    """The Job with its account and rights; done when the script is."""

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
        limit = f"{args.runtime.seconds + 120}s"
        job = KubernetesObject(
            f"{name}-job",
            JOB,
            metadata={
                "name": args.job,
                "namespace": args.namespace,
                # The next `up` replaces a failed Job instead of reporting its failure again.
                "annotations": {"pulumi.com/replaceUnready": "true"},
            },
            spec=job_spec(args),
            opts=self.child(
                depends_on=[account, *rights],
                delete_before_replace=True,
                ignore_changes=None if args.repeatable else ["spec.template.spec.containers[0].command"],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete="2m"),
            ),
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
