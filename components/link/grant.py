"""The grant: a standby's permission to link, once, and its credentials on their way to the standby.

Source of the rules: skupper:pkg/apis/skupper/v2alpha1/types.go and internal/kube/grants/grants.go. Does not remove what
a redeemed grant made: links outlive their grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import ACCESS_GRANT, KubernetesObject
from components.link.rotation import grant_name, link_token_path
from components.vault.secret import kv_secret


@dataclass(frozen=True, kw_only=True)
class LinkGrantArgs:
    """A standby's permission to link, once.

    Attributes:
        standby: the standby's site; with the rotation it names the AccessGrant.
        rotation: an integer >= 1; a new one means a new grant, hence a new code.
        namespace: where the Skupper site is.
        vault_mount: the KV v2 mount.
        vault_folder: the standby's folder below the mount.
        expiration_window: Go duration during which the grant can be redeemed.
        redemptions_allowed: how often it can be redeemed.
        timeout: Go duration for the grant to become ready.
        ha: whether the site has two routers, when the grant is made.
    """

    standby: str
    rotation: int
    namespace: str
    vault_mount: str
    vault_folder: str
    expiration_window: str
    redemptions_allowed: int
    timeout: str
    ha: bool


HA_ANNOTATION = "rhsi/ha"


class GrantError(pulumi.RunError):
    """A grant that must not be published, in one sentence with the way out."""


def grant_spec(args: LinkGrantArgs) -> dict[str, Any]:
    """Spec of the AccessGrant. Both limits are explicit: left out, the controller writes its own into the object."""
    return {"expirationWindow": args.expiration_window, "redemptionsAllowed": args.redemptions_allowed}


def link_token(status: Mapping[str, Any], grant: str, rotation: int) -> dict[str, str]:
    """What goes into Vault: `code`, `url`, `ca`, `rotation`, `expires` (UTC, RFC 3339, seconds).

    A grant is blank for a moment while its controller restarts, and a wait passes on an empty string; a blank field is
    never published.

    Raises:
        GrantError: a field is missing or blank.
    """
    fields = {"code": "code", "url": "url", "ca": "ca", "expires": "expirationTime"}
    token = {key: str(status.get(field) or "").strip() for key, field in fields.items()}
    if missing := [fields[key] for key, value in token.items() if not value]:
        raise GrantError(
            f"AccessGrant {grant} has no status.{', status.'.join(missing)}, so nothing was written to Vault: see that "
            "the Skupper controller runs with grants enabled, then run `pulumi up --refresh` again."
        )
    try:
        expires = datetime.fromisoformat(token["expires"]).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GrantError(
            f"AccessGrant {grant} has a status.expirationTime that is no time, so nothing was written to Vault: see "
            "which version of the Skupper controller runs, then run `pulumi up --refresh` again."
        ) from error
    # The code goes into an HTTP body that is compared byte by byte, the CA must keep its last newline.
    token["ca"] = str(status["ca"])
    return {**token, "rotation": str(rotation), "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}


class LinkGrant(Component):
    """An AccessGrant and its credentials in Vault.

    The code passes from the grant's status into the Vault secret as a Pulumi secret and leaves no other trace.
    """

    grant: pulumi.Output[str]
    ha: pulumi.Output[bool]
    expires: pulumi.Output[str]
    vault_path: pulumi.Output[str]

    def __init__(self, name: str, args: LinkGrantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:LinkGrant", name, opts)
        object_name = grant_name(args.standby, args.rotation)
        grant = KubernetesObject(
            f"{name}-grant",
            ACCESS_GRANT,
            metadata={
                "name": object_name,
                "namespace": args.namespace,
                "annotations": {HA_ANNOTATION: "true"} if args.ha else {},
            },
            spec=grant_spec(args),
            timeout=args.timeout,
            # What a grant makes was decided when it was redeemed; its site may have other routers since. The gate is an
            # annotation too, and it knows the labels, so they stay with it until the next rotation.
            opts=self.child(ignore_changes=["metadata.annotations", "metadata.labels"]),
        )
        token = grant.status.apply(lambda status: link_token(status, f"{args.namespace}/{object_name}", args.rotation))
        written = kv_secret(
            f"{name}-link-token",
            mount=args.vault_mount,
            path=link_token_path(args.vault_folder),
            fields=token,
            opts=self.child(),
        )
        self.ha = grant.metadata.apply(lambda metadata: HA_ANNOTATION in (metadata.get("annotations") or {}))
        self.grant = pulumi.Output.from_input(object_name)
        # Published only together with the secret, so that no standby waits for a value that Vault does not have yet.
        self.expires = pulumi.Output.unsecret(
            pulumi.Output.all(token, written).apply(lambda known: str(known[0]["expires"]))
        )
        self.vault_path = pulumi.Output.from_input(link_token_path(args.vault_folder))
        self.register_outputs(
            {"grant": self.grant, "ha": self.ha, "expires": self.expires, "vaultPath": self.vault_path}
        )
