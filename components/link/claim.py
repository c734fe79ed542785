"""The claim: a one-shot Job on the standby that turns the synced credentials into a Skupper link.

Everything happens inside the cluster (`claim_link.sh` in this folder), so that code, URL and CA of the grant never pass
through this stack. The Job's own rights are the only ones that can touch the credentials.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import LINK, ExistingObject
from components.link.rotation import HA_SUFFIXES, TOKEN_PREFIX, superseded, token_name
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "create-access-token-from-vault"
ACCOUNT_NAME = "rhsi-link-claim"
SCRIPT = job_script(Path(__file__).parent / "claim_link.sh")


@dataclass(frozen=True, kw_only=True)
class LinkClaimArgs:
    """What to claim.

    Attributes:
        namespace: of the Skupper site.
        secret: the Secret with the credentials; its ExternalSecret has the same name.
        rotation: the grant's rotation.
        expires: the grant's expiry, UTC as RFC 3339; with the rotation it tells one grant from every other.
        rotate_hint: the commands of a rotation, for the messages of a failed claim.
        runtime: of the script, with kubectl or oc.
    """

    namespace: str
    secret: str
    rotation: pulumi.Input[int]
    expires: pulumi.Input[str]
    rotate_hint: pulumi.Input[str]
    runtime: Runtime


def role_rules(
    secret: str, token: pulumi.Input[str], links: pulumi.Input[list[str]], secrets: pulumi.Input[list[str]]
) -> list[dict[str, Any]]:
    """Exactly the script's requests. Creation and lists cannot be limited by name in Kubernetes.

    Neither `links` nor `secrets`, which the claim may remove, may be empty: rights on no name are rights on every name.
    """
    skupper, external_secrets, core = ["skupper.io"], ["external-secrets.io"], [""]
    read = ["get", "list", "watch"]
    return [
        {"apiGroups": skupper, "resources": ["accesstokens"], "verbs": ["create"]},
        {"apiGroups": skupper, "resources": ["accesstokens"], "resourceNames": [token], "verbs": read},
        {"apiGroups": skupper, "resources": ["links"], "verbs": read},
        {"apiGroups": skupper, "resources": ["links"], "resourceNames": links, "verbs": ["delete"]},
        {"apiGroups": core, "resources": ["secrets"], "resourceNames": secrets, "verbs": ["delete"]},
        {"apiGroups": core, "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]},
        {
            "apiGroups": external_secrets,
            "resources": ["externalsecrets"],
            "resourceNames": [secret],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": core, "resources": ["events"], "verbs": ["list"]},
    ]


def removable(names: list[str], suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """Superseded names as rights on them; where there are none, that of a rotation 0, which does not exist."""
    return [name + suffix for name in names or [token_name(0)] for suffix in suffixes]


def script_job(args: LinkClaimArgs) -> ScriptJobArgs:
    """The claim as a Job; no value of its environment is secret."""
    rotation = pulumi.Output.from_input(args.rotation)
    earlier = rotation.apply(superseded)
    secrets = earlier.apply(removable)
    rules = role_rules(
        args.secret,
        rotation.apply(token_name),
        earlier.apply(lambda names: removable(names, HA_SUFFIXES)),
        secrets,
    )
    return ScriptJobArgs(
        job=JOB_NAME,
        account=ACCOUNT_NAME,
        namespace=args.namespace,
        script=SCRIPT,
        environment={
            "ROTATION": pulumi.Output.format("{}", rotation),
            "EXPIRES": args.expires,
            "ROTATE": args.rotate_hint,
            "SECRET": args.secret,
            "EXTERNAL_SECRET": args.secret,
            "TOKEN_PREFIX": TOKEN_PREFIX,
            # Never empty: the API server drops an empty value, and every preview would show a change.
            "SUPERSEDED": secrets.apply(" ".join),
        },
        rules=rules,
        secrets={},
        runtime=args.runtime,
        repeatable=True,
    )


class LinkClaim(Component):
    """The claim's Job, and the Link that it leaves, read back."""

    link: pulumi.Output[str]
    status: pulumi.Output[str]
    remote_site: pulumi.Output[str]

    def __init__(self, name: str, args: LinkClaimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:LinkClaim", name, opts)
        job = ScriptJob(f"{name}-claim", script_job(args), self.child())
        self.link = pulumi.Output.all(job.job_id, args.rotation).apply(lambda known: token_name(known[1]))
        link = ExistingObject(
            f"{name}-link",
            LINK,
            object_id=pulumi.Output.format("{}/{}", args.namespace, self.link),
            opts=self.child(),
        )
        self.status = link.status.apply(lambda status: str(status.get("status", "")))
        self.remote_site = link.status.apply(lambda status: str(status.get("remoteSiteName", "")))
        self.register_outputs({"link": self.link, "status": self.status, "remoteSite": self.remote_site})
