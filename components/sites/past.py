"""What a site must not become once it stands, in the words of its stack file."""

import json
from typing import Any, cast

import pulumi

from components.operators.packages import packages
from components.past import Fact
from components.settings import Settings
from components.sites.peer import full_name
from components.skupper.site import SITE_NAMES

_MOVE = "to move it, run `pulumi destroy` with the former settings first; otherwise write the former value again"
_KEEP = "write the former value again; Pulumi would delete what the stack gives up, and take over what it gains"
_VERSION = (
    "one major version does not read the data of another; write the former one again, and see 'Another major version' "
    "in docs/databases/streaming.md"
)
_PROMOTED = (
    "a promoted server never follows again; write true again, or see 'A standby again after a promotion' in "
    "docs/databases/streaming.md"
)
_FENCED = (
    "its server would take writes beside the promoted one's; write it again, or see 'A standby again after a "
    "promotion' in docs/databases/streaming.md"
)
_REMOVE = (
    "write the former value again; to move the operator, remove its part, run `pulumi up`, delete its "
    "ClusterServiceVersion if that was in the platform's namespace, where it runs on (`kubectl get "
    "clusterserviceversions.operators.coreos.com -A`), and add the part again with the new one"
)
_LOGIN = ("standby-vault-auth-mount", "standby-vault-auth-config", "standby-vault-auth-role")
"""What shows that a standby logs in at its auth mount: one that exists already is refused in the same way."""
_OWN_SITE = "none"
_GROW = "it only grows, for what it counted before is done; write that number or a larger one"


def facts(settings: Settings, cluster: pulumi.Output[str], found_site: pulumi.Output[str] | None) -> dict[str, Fact]:
    """Everything that the stack remembers of itself.

    Args:
        settings: of this run.
        cluster: the cluster's identity, the UID of its Namespace kube-system.
        found_site: the UID of the Skupper Site that exists already, None for one of the stack's own.
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
        "cluster.namespace": Fact(value=settings.cluster.namespace, fix=_MOVE, made=_namespace(settings, "skupper")),
        "cluster.createNamespace": Fact(
            value=settings.cluster.create_namespace, fix=_KEEP, made=_namespace(settings, "skupper")
        ),
        "skupper.siteName": Fact(value=_own_site_name(settings), usual=SITE_NAMES[settings.role], fix=_MOVE),
        "skupper.existingSite": Fact(
            value=found_site or _OWN_SITE,
            usual=_OWN_SITE,
            sentence=f"is {json.dumps(settings.skupper.existing_site)}, which is another Site than before (its UID is "
            "{new}, it was {old}; none means one of this stack's own)",
            fix=_MOVE,
        ),
        "vault.mount": Fact(value=settings.vault.mount, fix=_MOVE, made=_in_mount(settings)),
        "vault.prefix": Fact(value=settings.vault.prefix, fix=_MOVE),
        **(_of_primary(settings) if settings.role == "primary" else _of_standby(settings)),
        **(_of_postgres(settings) if settings.postgres.enabled else {}),
        **(_of_edb(settings) if settings.edb.enabled else {}),
        **_of_operators(settings),
    }


def _namespace(settings: Settings, part: str) -> tuple[str, ...]:
    """A namespace is a stack's once it has made or marked it (components/namespace.py), not when it was refused."""
    return (f"{settings.role}-{part}-namespace", f"{settings.role}-{part}-owner")


def _in_mount(settings: Settings) -> tuple[str, ...]:
    """What shows that a primary works in its KV mount; a standby takes the mount from the primary, at any time.

    A mount that exists already is refused with `path is already in use`, and either another one or manageMount helps.
    """
    if settings.role == "standby":
        return ()
    claimed = (f"primary-{owner}-owner-secret" for owner in (*settings.standbys, "edb-token"))
    return ("primary-kv-mount", *claimed)


def _of_postgres(settings: Settings) -> dict[str, Fact]:
    """Of a server that is turned off and on again nothing is remembered: that is how one begins anew."""
    found = {}
    if settings.postgres_version:
        found["postgres.version"] = Fact(value=settings.postgres_version, fix=_VERSION)
    if settings.role == "standby":
        found["postgres.promoted"] = Fact(value=settings.postgres.promoted, fix=_PROMOTED, grows=True)
    else:
        fenced = bool(settings.postgres.promoted_standby)
        sentence = "is missing, and it was set"
        found["postgres.promotedStandby"] = Fact(value=fenced, sentence=sentence, fix=_FENCED, grows=True)
    return found


def _own_site_name(settings: Settings) -> str:
    """A Site that exists already is told by its UID."""
    return SITE_NAMES[settings.role] if settings.skupper.existing_site else settings.site_name


def _of_primary(settings: Settings) -> dict[str, Fact]:
    found = {
        "vault.manageMount": Fact(value=settings.vault.manage_mount, fix=_KEEP, made=_in_mount(settings)),
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
    if settings.vault.store:
        return {}
    # A stack that had somebody else's store had no login of its own, and may begin with any.
    login = "vault.authPath"
    return {
        "vault.manageAuth": Fact(value=settings.vault.manage_auth, fix=_KEEP, made=_LOGIN),
        "vault.login": Fact(value=settings.vault.login, usual="kubernetes", beside=login, fix=_MOVE),
        login: Fact(value=settings.auth_path, fix=_MOVE, made=_LOGIN),
        "vault.authNamespace": Fact(value=settings.vault.auth_namespace, usual="", beside=login, fix=_MOVE),
    }


def _of_edb(settings: Settings) -> dict[str, Fact]:
    return {
        "edb.namespace": Fact(value=settings.edb.namespace, fix=_MOVE, made=_namespace(settings, "edb")),
        "edb.createNamespace": Fact(value=settings.edb.create_namespace, fix=_KEEP, made=_namespace(settings, "edb")),
        "edb.database": Fact(value=settings.edb.database, fix=_MOVE),
        "edb.image": version(settings),
    }


def version(settings: Settings) -> Fact:
    """Another major version is refused as long as the databases replicate, as far as the stack can tell.

    The operator's upgrade is `pg_upgrade`, which loses the slots of PostgreSQL 16 in silence and disables subscriptions
    (https://www.postgresql.org/docs/18/logical-replication-upgrade.html). A slot here is the peer's. A standby finds in
    its primary's outputs whether that one subscribes; a primary knows nothing of its standby, which
    docs/databases/replicated.md makes up for. The run that ends the subscription ends it last, after the upgrade, so it
    is held to the version too.
    """
    major = settings.edb.major_version
    sentence = "is PostgreSQL {new}, it was {old}"
    fix = (
        "a major upgrade loses the slots of the replication; write an image of the former version again, or follow 'A "
        "new major version of PostgreSQL' in docs/databases/replicated.md"
    )
    if settings.edb.subscribe:
        return Fact(value=major, sentence=sentence, fix=fix)
    held = None
    if settings.role == "standby":
        held = primary_subscribes(settings).apply(lambda subscribes: major if subscribes else None)
    return Fact(value=held, now=major, sentence=sentence, fix=fix)


def primary_subscribes(settings: Settings) -> pulumi.Output[bool]:
    """Whether the primary's databases take what this site publishes, by the outputs that its stack has now.

    It is asked without a StackReference: that is a resource, which comes after the stack's past.
    """

    async def read() -> bool:
        name = full_name(settings.primary_stack)
        found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": name})
        edb = (found or {}).get("outputs", {}).get("edb")
        return isinstance(edb, dict) and edb.get("peer") == settings.site and bool(edb.get("subscription"))

    subscribes: pulumi.Output[bool] = pulumi.Output.from_input(cast("Any", read()))
    return subscribes


def _of_operators(settings: Settings) -> dict[str, Fact]:
    """Two operators of one kind would work at once before the first one goes."""
    return {
        f"operators.{part}.namespace": Fact(value=settings.operator_place(part).namespace, fix=_REMOVE)
        for part in packages(settings.edb.operator)
        if settings.operators.part(part).enabled
    }
