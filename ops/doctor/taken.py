"""Objects with this stack's names that somebody else made: what `up` would do to them.

In a namespace that is its own by `rhsi-owner`, and in none, `up` takes over what has its names and forces its fields
(components/providers.py), hand-made objects too; beside somebody else's Site it refuses. Only the metadata of objects
is asked for, and Secrets only of a primary with databases, which makes some. What has an owner reference is its
owner's: a controller made it.
"""

from collections.abc import Iterator, Mapping

from components.custom_resource import POSTGRES_OPERATORS
from components.edb.names import (
    CA_SECRET,
    PULL_SECRET,
    app_secret,
    cluster_name,
    replicator_secret,
    superuser_secret,
)
from components.namespace import OWNER_CONFIG_MAP
from components.operators.owners import JOB_NAME
from components.operators.waiting import JOB_NAMES
from components.secret_store import STORE
from components.settings.names import SKUPPERS_PREFIX, is_reserved
from components.settings.unused_names import is_password, is_unused
from components.vault.reader import READER_ACCOUNT, delegator_binding_name
from ops.clusters import ClusterError
from ops.doctor.finding import Finding, error, warning
from ops.doctor.scene import Scene

SUBJECT = "names"

RBAC = "rbac.authorization.k8s.io/v1"
COMMON: Mapping[str, tuple[str, str]] = {
    "SecretStore": ("external-secrets.io/v1", "secretstores"),
    "ExternalSecret": ("external-secrets.io/v1", "externalsecrets"),
    "Job": ("batch/v1", "jobs"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "ConfigMap": ("v1", "configmaps"),
}
OF_SITE: Mapping[str, tuple[str, str]] = {
    "Site": ("skupper.io/v2alpha1", "sites"),
    "AccessGrant": ("skupper.io/v2alpha1", "accessgrants"),
    "RouterAccess": ("skupper.io/v2alpha1", "routeraccesses"),
    "Connector": ("skupper.io/v2alpha1", "connectors"),
    "Listener": ("skupper.io/v2alpha1", "listeners"),
    "NetworkObserver": ("observability.skupper.io/v2alpha1", "networkobservers"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "Service": ("v1", "services"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Role": (RBAC, "roles"),
    "RoleBinding": (RBAC, "rolebindings"),
    **COMMON,
}
"""What a stack makes in the site's namespace, by kind."""

DATABASES = {
    "Cluster": "clusters",
    "Publication": "publications",
    "Subscription": "subscriptions",
    "ScheduledBackup": "scheduledbackups",
    "Pooler": "poolers",
}
"""What it makes in that of the replicated databases besides, of the operator's group."""


def in_namespace(scene: Scene, namespace: str, refused: list[str]) -> Iterator[Finding]:
    """Objects in a namespace that somebody else made.

    Args:
        scene: the stack.
        namespace: the site's, or that of the replicated databases.
        refused: gets `<namespace>/<plural>` of what this login may not list.
    """
    of_site = namespace == scene.settings.cluster.namespace
    known = {one.id for one in scene.state().resources}
    kinds = {**(OF_SITE if of_site else _of_databases(scene)), **_of_passwords(scene, of_site=of_site)}
    for kind, (api_version, plural) in kinds.items():
        try:
            listed = scene.cluster().metadata(api_version, plural, namespace)
        except ClusterError as problem:
            if not problem.refused:
                raise
            refused.append(f"{namespace}/{plural}")
            continue
        for metadata in listed:
            name = metadata["name"]
            if f"{namespace}/{name}" in known or metadata.get("ownerReferences") or name == OWNER_CONFIG_MAP:
                continue
            if _is_of_site(scene, kind, name) if of_site else _is_of_databases(scene, kind, name):
                yield _taken(scene, kind, f"{namespace}/{name}")


def in_cluster(scene: Scene) -> Iterator[Finding]:
    """Rights that have no namespace, and carry one in their names."""
    for kind, name in _cluster_names(scene):
        if scene.state().has(f"kubernetes:{RBAC}:{kind}", name):
            continue
        try:
            there = scene.cluster().object(RBAC, f"{kind.lower()}s", name)
        except ClusterError as problem:
            # rights.py tells that this login may not even look.
            if not problem.refused:
                raise
            continue
        if there is not None:
            yield _taken(scene, kind, name)


def _cluster_names(scene: Scene) -> Iterator[tuple[str, str]]:
    settings = scene.settings
    namespaces = [settings.cluster.namespace, *([settings.edb.namespace] if settings.edb.enabled else [])]
    if scene.has_own_login and settings.vault.login == "kubernetes":
        for namespace in namespaces:
            yield "ClusterRoleBinding", delegator_binding_name(READER_ACCOUNT, namespace)
    jobs = [job for part, job in JOB_NAMES.items() if scene.installs(part)]
    for job in [*jobs, JOB_NAME] if jobs else []:
        for kind in ("ClusterRole", "ClusterRoleBinding"):
            yield kind, f"{job}-{settings.cluster.namespace}"


def _of_databases(scene: Scene) -> dict[str, tuple[str, str]]:
    group = POSTGRES_OPERATORS[scene.settings.edb.operator].group
    return {**{kind: (f"{group}/v1", plural) for kind, plural in DATABASES.items()}, **COMMON}


def _of_passwords(scene: Scene, *, of_site: bool) -> dict[str, tuple[str, str]]:
    makes = scene.settings.role == "primary" and (scene.settings.postgres.enabled or not of_site)
    return {"Secret": ("v1", "secrets")} if makes else {}


def _is_of_site(scene: Scene, kind: str, name: str) -> bool:
    settings = scene.settings
    if kind == "Secret":
        # OpenShift makes Secrets whose names begin with those of service accounts.
        return is_password(name)
    if name.startswith(SKUPPERS_PREFIX):
        return False
    if kind == "Site":
        return name == settings.site_name and not settings.skupper.existing_site
    if kind == "Connector" and name in settings.services.exports:
        return True
    if kind == "Listener" and name in settings.services.imports:
        return True
    return is_reserved(name, {settings.site, *settings.standbys}) and not is_unused(name, settings)


def _is_of_databases(scene: Scene, kind: str, name: str) -> bool:
    site, peer = scene.settings.site, scene.settings.edb_peer
    if kind == "Secret":
        passwords = {use(of) for use in (app_secret, replicator_secret) for of in (site, peer)}
        return name in passwords | {superuser_secret(site), CA_SECRET, PULL_SECRET}
    own = cluster_name(site)
    fixed = {own, STORE, READER_ACCOUNT, f"{site}-pub", f"{site}-from-{peer}"}
    return name in fixed or name.startswith((f"{own}-", "rhsi-edb"))


def _taken(scene: Scene, kind: str, place: str) -> Finding:
    namespace, _, name = place.rpartition("/")
    look = f"{scene.cli} get {kind.lower()} {name}" + (f" -n {namespace}" if namespace else "") + " -o yaml"
    if scene.settings.skupper.existing_site and kind in ("Connector", "Listener", "NetworkObserver"):
        return error(SUBJECT, f"{kind} {place} exists and is not this stack's: `up` refuses it.", look)
    if kind == "Job":
        sentence = f"Job {place} exists and is not this stack's: `up` fails, for nobody may change a Job's pod."
        return error(
            SUBJECT, sentence, f"{scene.cli} delete job {name} -n {namespace}, unless somebody needs it; {look}"
        )
    return warning(
        SUBJECT,
        f"{kind} {place} exists and is not this stack's: `up` takes it over and changes it, `destroy` deletes it.",
        f"`python -m ops adopt -s {scene.stack}` plans to keep it; {look}",
    )
