"""What a site must not become once it stands, in the words of its stack file."""

import json

import pulumi

from components.operators.packages import packages
from components.past import Fact
from components.settings import Settings
from components.settings.operators import place

_MOVE = "to move it, run `pulumi destroy` with the former settings first; otherwise write the former value again"
_KEEP = "write the former value again; Pulumi would delete what the stack gives up, and take over what it gains"
_REMOVE = (
    "write the former value again; to move the operator, remove its part, run `pulumi up`, and add the part again with "
    "the new one"
)
_GROW = "it only grows, for what it counted before is done; write that number or a larger one"


def facts(settings: Settings, cluster: pulumi.Output[str]) -> dict[str, Fact]:
    """Everything that the stack remembers of itself.

    Args:
        settings: of this run.
        cluster: the cluster's identity, the UID of its Namespace kube-system.
    """
    return {
        "role": Fact(value=settings.role, fix="make a new stack for another role, with `pulumi stack init`"),
        "site": Fact(value=settings.site, fix=_MOVE),
        "cluster.context": Fact(
            value=cluster,
            sentence=f"is {json.dumps(settings.cluster.context)}, which leads to another cluster than before "
            "(Namespace kube-system has the UID {new} there, it had {old})",
            fix="correct it, or KUBECONFIG; to move the site, run `pulumi destroy` with the former cluster first",
        ),
        "cluster.namespace": Fact(value=settings.cluster.namespace, fix=_MOVE),
        "cluster.createNamespace": Fact(value=settings.cluster.create_namespace, fix=_KEEP),
        "vault.mount": Fact(value=settings.vault.mount, fix=_MOVE),
        "vault.prefix": Fact(value=settings.vault.prefix, fix=_MOVE),
        **(_of_primary(settings) if settings.role == "primary" else _of_standby(settings)),
        **(_of_edb(settings) if settings.edb.enabled else {}),
        **_of_operators(settings),
    }


def _of_primary(settings: Settings) -> dict[str, Fact]:
    found = {
        "vault.manageMount": Fact(value=settings.vault.manage_mount, fix=_KEEP),
        "revoke": Fact(value=settings.revoke, fix=_GROW, grows=True),
    }
    for standby, wanted in settings.standbys.items():
        found[f"standbys.{standby}.rotation"] = Fact(value=wanted.rotation, fix=_GROW, grows=True)
    if settings.postgres.enabled:
        found["postgres.passwordRotation"] = Fact(value=settings.postgres.password_rotation, fix=_GROW, grows=True)
    if settings.edb.enabled:
        found["edb.passwordRotation"] = Fact(value=settings.edb.password_rotation, fix=_GROW, grows=True)
    return found


def _of_standby(settings: Settings) -> dict[str, Fact]:
    return {
        "vault.manageAuth": Fact(value=settings.vault.manage_auth, fix=_KEEP),
        "vault.authPath": Fact(value=settings.auth_path, fix=_MOVE),
    }


def _of_edb(settings: Settings) -> dict[str, Fact]:
    return {
        "edb.namespace": Fact(value=settings.edb.namespace, fix=_MOVE),
        "edb.createNamespace": Fact(value=settings.edb.create_namespace, fix=_KEEP),
        "edb.database": Fact(value=settings.edb.database, fix=_MOVE),
    }


def _of_operators(settings: Settings) -> dict[str, Fact]:
    """Two operators of one kind would work at once before the first one goes."""
    platform, operator = settings.cluster.platform, settings.edb.operator
    return {
        f"operators.{part}.namespace": Fact(
            value=place(settings.operators, part, platform=platform, edb_operator=operator).namespace, fix=_REMOVE
        )
        for part in packages(operator)
        if settings.operators.part(part).enabled
    }
