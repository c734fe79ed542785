"""The claim: a one-shot Job on the standby that turns the synced credentials into a Skupper link.

Everything happens inside the cluster (`claim_link.sh` in this folder), so that code, URL and CA of the grant never pass
through this stack. The Job's own rights are the only ones that can touch the credentials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    EnvVarArgsDict,
    PodSecurityContextArgsDict,
    PodSpecArgsDict,
    ServiceAccount,
)
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict, Role, RoleBinding

from components.component import Args, Component
from components.custom_resource import LINK, ExistingObject

JOB_NAME = "create-access-token-from-vault"
ACCOUNT_NAME = "rhsi-link-claim"
TOKEN_PREFIX = "standby-from-vault"  # noqa: S105 -- the name of an object, no secret
# How many earlier rotations a claim may remove. Rights by name cannot be open-ended.
SUPERSEDED = 20
# A router pair (HA) makes one Link for each router, with these suffixes.
HA_SUFFIXES = ("", "-1", "-2")
# The one writable folder of the container, for kubectl's cache.
HOME = "/home/claim"
SCRIPT = (Path(__file__).parent / "claim_link.sh").read_text()


@dataclass(frozen=True, kw_only=True)
class LinkClaimArgs(Args):
    """What to claim.

    Attributes:
        namespace: of the Skupper site.
        secret: the Secret with the credentials; its ExternalSecret has the same name.
        rotation: the grant's rotation.
        expires: the grant's expiry, UTC as RFC 3339; with the rotation it tells one grant from every other.
        rotate_hint: the commands of a rotation, for the messages of a failed claim.
        image: an image with sh and kubectl or oc.
        run_as_user: UID, 0 for "as the cluster assigns" (OpenShift does).
        timeout_seconds: how long the script may take.
    """

    namespace: str
    secret: str
    rotation: pulumi.Input[int]
    expires: pulumi.Input[str]
    rotate_hint: pulumi.Input[str]
    image: str
    run_as_user: int = 0
    timeout_seconds: int = 300


def token_name(rotation: int) -> str:
    """Name of a rotation's AccessToken, of its Secret and of its Link."""
    return f"{TOKEN_PREFIX}-{rotation}"


def superseded_names(rotation: int, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """Names that a claim of this rotation may remove, newest first.

    Never empty, for rights on no name are rights on every name: the first rotation gets the name of a rotation 0, which
    does not exist.
    """
    earlier = range(rotation - 1, max(0, rotation - 1 - SUPERSEDED), -1) or range(1)
    return [token_name(number) + suffix for number in earlier for suffix in suffixes]


def role_rules(
    secret: str,
    token: pulumi.Input[str],
    superseded_links: pulumi.Input[list[str]],
    superseded_secrets: pulumi.Input[list[str]],
) -> list[PolicyRuleArgsDict]:
    """Exactly the script's requests. Creation and lists cannot be limited by name in Kubernetes."""
    skupper, external_secrets, core = ["skupper.io"], ["external-secrets.io"], [""]
    read = ["get", "list", "watch"]
    return [
        {"api_groups": skupper, "resources": ["accesstokens"], "verbs": ["create"]},
        {"api_groups": skupper, "resources": ["accesstokens"], "resource_names": [token], "verbs": read},
        {"api_groups": skupper, "resources": ["links"], "verbs": read},
        {"api_groups": skupper, "resources": ["links"], "resource_names": superseded_links, "verbs": ["delete"]},
        {"api_groups": core, "resources": ["secrets"], "resource_names": superseded_secrets, "verbs": ["delete"]},
        {"api_groups": core, "resources": ["secrets"], "resource_names": [secret], "verbs": ["get"]},
        {
            "api_groups": external_secrets,
            "resources": ["externalsecrets"],
            "resource_names": [secret],
            "verbs": ["get", "patch"],
        },
        {"api_groups": core, "resources": ["events"], "verbs": ["list"]},
    ]


def environment(args: LinkClaimArgs) -> list[EnvVarArgsDict]:
    """What the script reads; no part of it is secret."""
    values: dict[str, pulumi.Input[str]] = {
        "ROTATION": pulumi.Output.format("{}", args.rotation),
        "EXPIRES": args.expires,
        "ROTATE": args.rotate_hint,
        "SECRET": args.secret,
        "EXTERNAL_SECRET": args.secret,
        "TOKEN_PREFIX": TOKEN_PREFIX,
        "SUPERSEDED": str(SUPERSEDED),
        "TIMEOUT_SECONDS": str(args.timeout_seconds),
        "JOB_NAME": JOB_NAME,
        "HOME": HOME,
    }
    uid: EnvVarArgsDict = {
        "name": "JOB_UID",
        "value_from": {"field_ref": {"field_path": "metadata.labels['batch.kubernetes.io/controller-uid']"}},
    }
    return [*(EnvVarArgsDict(name=name, value=value) for name, value in values.items()), uid]


def pod_spec(args: LinkClaimArgs) -> PodSpecArgsDict:
    """The pod, admissible under OpenShift's restricted-v2 and under Kubernetes' restricted standard."""
    security: PodSecurityContextArgsDict = {"run_as_non_root": True, "seccomp_profile": {"type": "RuntimeDefault"}}
    if args.run_as_user:
        security["run_as_user"] = args.run_as_user
    return {
        "service_account_name": ACCOUNT_NAME,
        "restart_policy": "Never",
        "security_context": security,
        "containers": [
            {
                "name": "claim",
                "image": args.image,
                "command": ["/bin/sh", "-c", SCRIPT],
                "env": environment(args),
                # The last lines of a failed run become the message that Pulumi shows.
                "termination_message_policy": "FallbackToLogsOnError",
                "security_context": {
                    "allow_privilege_escalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "read_only_root_filesystem": True,
                },
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "volume_mounts": [{"name": "home", "mount_path": HOME}],
            }
        ],
        "volumes": [{"name": "home", "empty_dir": {"size_limit": "16Mi"}}],
    }


def job_spec(args: LinkClaimArgs) -> JobSpecArgsDict:
    """One try: what fails is for a person to read, and the next `up` tries again."""
    return {
        "backoff_limit": 0,
        # A drained node is no failed claim: such a pod is made again.
        "pod_failure_policy": {
            "rules": [{"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        # The script ends by itself and says why; this ends only what hangs.
        "active_deadline_seconds": args.timeout_seconds + 60,
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": JOB_NAME, "app.kubernetes.io/part-of": "rhsi"}},
            "spec": pod_spec(args),
        },
    }


class LinkClaim(Component):
    """The Job with its account and rights, and the Link that it leaves, read back."""

    link: pulumi.Output[str]
    status: pulumi.Output[str]
    remote_site: pulumi.Output[str]

    def __init__(
        self, name: str, args: LinkClaimArgs | Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the component."""
        args = LinkClaimArgs.of(args)
        super().__init__(name, opts)
        rotation = pulumi.Output.from_input(args.rotation).apply(int)
        rights = self._rights(name, args, rotation)
        limit = f"{args.timeout_seconds + 120}s"
        job = Job(
            f"{name}-job",
            metadata={
                "name": JOB_NAME,
                "namespace": args.namespace,
                # The next `up` replaces a failed claim instead of reporting its failure again.
                "annotations": {"pulumi.com/replaceUnready": "true"},
            },
            spec=job_spec(args),
            opts=self.child(
                depends_on=rights,
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete="2m"),
            ),
        )
        self.link = pulumi.Output.all(job.id, rotation).apply(lambda known: token_name(known[1]))
        link = ExistingObject(
            f"{name}-link",
            LINK,
            object_id=pulumi.Output.format("{}/{}", args.namespace, self.link),
            opts=self.child(),
        )
        self.status = link.status.apply(lambda status: str(status.get("status", "")))
        self.remote_site = link.status.apply(lambda status: str(status.get("remoteSiteName", "")))
        self.register_outputs({"link": self.link, "status": self.status, "remoteSite": self.remote_site})

    def _rights(self, name: str, args: LinkClaimArgs, rotation: pulumi.Output[int]) -> list[pulumi.Resource]:
        account = ServiceAccount(
            f"{name}-account", metadata={"name": ACCOUNT_NAME, "namespace": args.namespace}, opts=self.child()
        )
        role = Role(
            f"{name}-role",
            metadata={"name": ACCOUNT_NAME, "namespace": args.namespace},
            rules=role_rules(
                args.secret,
                rotation.apply(token_name),
                rotation.apply(lambda number: superseded_names(number, HA_SUFFIXES)),
                rotation.apply(superseded_names),
            ),
            opts=self.child(),
        )
        binding = RoleBinding(
            f"{name}-binding",
            metadata={"name": ACCOUNT_NAME, "namespace": args.namespace},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "Role",
                # Unknown until the Role exists: the API server looks it up even in the dry run of a preview, unless the
                # operator may bind everything.
                "name": role.id.apply(lambda _: ACCOUNT_NAME),
            },
            subjects=[{"kind": "ServiceAccount", "name": ACCOUNT_NAME, "namespace": args.namespace}],
            opts=self.child(depends_on=[account, role]),
        )
        return [account, role, binding]
