"""The kinds that a stack's objects are of: served by its cluster, in the version that the program uses."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.custom_resource import (
    ACCESS_GRANT,
    CLUSTER_SECRET_STORE,
    CONNECTOR,
    EXTERNAL_SECRET,
    LINK,
    LISTENER,
    NETWORK_OBSERVER,
    OBJECT_STORE,
    OLM_SUBSCRIPTION,
    OPERATOR_GROUP,
    POD_MONITOR,
    POSTGRES_OPERATORS,
    ROUTE,
    ROUTER_ACCESS,
    SECRET_STORE,
    SITE,
    Kind,
)
from components.settings import Settings
from ops.clusters import Cluster
from ops.doctor.finding import Finding, error, ok
from ops.doctor.scene import Scene

SUBJECT = "kinds"


@dataclass(frozen=True, kw_only=True)
class Needed:
    """Kinds that come together.

    Attributes:
        title: what brings them.
        kinds: without them an object of the stack cannot be made.
        part: key below `rhsi:operators` that would bring them; empty where none does.
        fix: what to do without them.
    """

    title: str
    kinds: tuple[Kind, ...]
    part: str = ""
    fix: str


def needed(settings: Settings) -> Iterator[Needed]:
    """The kinds of a stack, with everything that its own settings ask for and nothing else."""
    standby = settings.role == "standby"
    services = bool(settings.services.exports or settings.services.imports)
    connects = services or settings.postgres.enabled or settings.edb.enabled
    own = (ACCESS_GRANT,) if not standby else (LINK, Kind(api_version=LINK.api_version, kind="AccessToken"))
    yield Needed(
        title="Skupper 2",
        kinds=(
            SITE,
            *own,
            *((CONNECTOR, LISTENER) if connects else ()),
            *((ROUTER_ACCESS,) if settings.skupper.router_access else ()),
        ),
        part="skupper",
        fix="install Skupper 2 (Red Hat Service Interconnect), or set rhsi:operators.skupper.enabled to true",
    )
    if standby:
        store = settings.vault.store
        in_use = CLUSTER_SECRET_STORE if store and store.kind == "ClusterSecretStore" else SECRET_STORE
        yield Needed(
            title="External Secrets 0.17 or newer",
            kinds=(in_use, EXTERNAL_SECRET),
            part="externalSecrets",
            fix="install or upgrade External Secrets, or set rhsi:operators.externalSecrets.enabled to true",
        )
    if settings.edb.enabled:
        yield from _of_databases(settings)
    if settings.network_observer.enabled:
        yield Needed(
            title="Skupper's network observer",
            kinds=(NETWORK_OBSERVER,),
            part="networkObserver",
            fix="install its operator, or set rhsi:operators.networkObserver.enabled to true",
        )
        if settings.cluster.platform == "openshift":
            yield Needed(title="OpenShift's Routes", kinds=(ROUTE,), fix="set rhsi:cluster.platform to kubernetes")
    monitored = settings.postgres.enabled and settings.postgres.monitoring
    if monitored or (settings.edb.enabled and settings.edb.monitoring):
        yield Needed(
            title="Prometheus' operator",
            kinds=(POD_MONITOR,),
            fix="install it, or set monitoring of rhsi:postgres and rhsi:edb to false",
        )
    if any(settings.operators.part(part).enabled for part in PARTS):
        yield Needed(
            title="OLM",
            kinds=(OLM_SUBSCRIPTION, OPERATOR_GROUP),
            fix="install the Operator Lifecycle Manager, or the operators by hand and remove rhsi:operators",
        )


PARTS = ("skupper", "networkObserver", "externalSecrets", "database")


def _of_databases(settings: Settings) -> Iterator[Needed]:
    edb = settings.edb
    operator = POSTGRES_OPERATORS[edb.operator]
    kinds = [operator.cluster, operator.publication, operator.subscription]
    kinds += [operator.pooler] if edb.pooler.instances else []
    stored = bool(edb.backup.destination_path)
    kinds += [operator.scheduled_backup] if stored else []
    title = "EDB Postgres for Kubernetes" if edb.operator == "edb" else "CloudNativePG"
    fix = f"install {title}, or set rhsi:operators.database.enabled to true"
    yield Needed(title=title, kinds=tuple(kinds), part="database", fix=fix)
    if stored:
        yield Needed(title="the Barman Cloud plugin", kinds=(OBJECT_STORE,), fix="install plugin-barman-cloud")


def check(scene: Scene) -> Iterator[Finding]:
    """Every kind that the stack's settings need, except those that its own operators will bring."""
    cluster, served = scene.cluster(), dict[str, set[str]]()
    complete: list[str] = []
    for wanted in needed(scene.settings):
        for version in {kind.api_version for kind in wanted.kinds} - served.keys():
            served[version] = set(cluster.served(version))
        missing = [kind for kind in wanted.kinds if kind.kind not in served[kind.api_version]]
        if not missing:
            complete.append(wanted.title)
        elif wanted.part and scene.installs(wanted.part):
            yield ok(SUBJECT, f"{wanted.title} is not here yet: rhsi:operators.{wanted.part} installs it.")
        else:
            yield error(SUBJECT, _sentence(cluster, wanted, missing), wanted.fix)
    if complete:
        yield ok(SUBJECT, f"Served as needed: {', '.join(complete)}.")


def _sentence(cluster: Cluster, wanted: Needed, missing: list[Kind]) -> str:
    version = missing[0].api_version
    group = version.partition("/")[0]
    known = [one["version"] for one in (cluster.get(f"/apis/{group}") or {}).get("versions") or []]
    names = ", ".join(kind.kind for kind in missing)
    others = f"; of {group} it serves {', '.join(known)}" if known else ""
    return f"Context {cluster.context} does not serve {names} of {version} ({wanted.title}){others}."
