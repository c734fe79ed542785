"""What stands on the cluster already and is not this stack's, with what `up` would do to it.

A namespace is created and never taken over, and the ConfigMap `rhsi-owner` says whose one is (components/namespace.py).
Within a namespace of its own `up` takes over what has its names (components/providers.py), hand-made objects too. Only
the metadata of objects is asked for: no Secret comes here.
"""

from collections.abc import Iterator, Mapping

from components.namespace import OWNER_CONFIG_MAP, TAKE_OVER
from components.owner import OWNER_ANNOTATION
from components.settings.names import SKUPPERS_PREFIX, is_reserved
from ops.clusters import Cluster, ClusterError, Manifest
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene

SUBJECT = "names"

NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"

KINDS: Mapping[str, tuple[str, str]] = {
    "Site": ("skupper.io/v2alpha1", "sites"),
    "AccessGrant": ("skupper.io/v2alpha1", "accessgrants"),
    "RouterAccess": ("skupper.io/v2alpha1", "routeraccesses"),
    "Connector": ("skupper.io/v2alpha1", "connectors"),
    "Listener": ("skupper.io/v2alpha1", "listeners"),
    "NetworkObserver": ("observability.skupper.io/v2alpha1", "networkobservers"),
    "SecretStore": ("external-secrets.io/v1", "secretstores"),
    "ExternalSecret": ("external-secrets.io/v1", "externalsecrets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "Service": ("v1", "services"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Role": ("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "ConfigMap": ("v1", "configmaps"),
}
"""What a stack makes in the site's namespace, by kind."""


def check(scene: Scene) -> Iterator[Finding]:
    """Namespaces, what is in them, and the one binding that has no namespace."""
    settings = scene.settings
    found, refused = list[Finding](), list[str]()
    for namespace, create, key in _namespaces(scene):
        known = list(_namespace(scene, namespace, create=create, key=key))
        found += known
        # Where a namespace is refused, nothing in it is touched.
        if not create and namespace == settings.cluster.namespace and not any(one.state == "error" for one in known):
            found += _objects(scene, namespace, refused)
    found += _binding(scene)
    yield from found
    if refused:
        yield unknown(
            SUBJECT,
            f"This login may not list {', '.join(refused)} in {settings.cluster.namespace}.",
            f"{scene.cli} get {','.join(refused)} -n {settings.cluster.namespace}",
        )
    elif not found:
        yield ok(SUBJECT, "Nothing of another owner has this stack's names.")


def _namespaces(scene: Scene) -> Iterator[tuple[str, bool, str]]:
    settings = scene.settings
    yield settings.cluster.namespace, settings.cluster.create_namespace, "cluster"
    if settings.edb.enabled:
        yield settings.edb.namespace, settings.edb.create_namespace, "edb"


def _namespace(scene: Scene, namespace: str, *, create: bool, key: str) -> Iterator[Finding]:
    setting = f"rhsi:{key}.createNamespace"
    try:
        there = scene.cluster().object("v1", "namespaces", namespace)
    except ClusterError as problem:
        if not problem.refused:
            raise
        # An operator need not see namespaces: what is in his own tells whose it is.
        there = {}
    state = scene.state()
    mine = state.has(NAMESPACE, namespace)
    if there is None:
        if mine:
            yield warning(
                SUBJECT,
                f"Namespace {namespace} was this stack's, and is gone: `up --refresh` makes it anew.",
                f"pulumi up --refresh -s {scene.stack}",
            )
        elif not create:
            fix = f"{scene.cli} create namespace {namespace}, or {setting}: true"
            yield error(SUBJECT, f"Namespace {namespace} does not exist, and {setting} is false.", fix)
        return
    if (there.get("metadata") or {}).get("deletionTimestamp"):
        fix = f"{scene.cli} get namespace {namespace} -o jsonpath='{{.status.conditions}}'"
        yield error(SUBJECT, f"Namespace {namespace} is being deleted: nothing can be made in it.", fix)
        return
    other = _other_owner(scene, namespace)
    if namespace in scene.environment.get(TAKE_OVER, "").split(","):
        if other or (create and there and not mine):
            sentence = f"Namespace {namespace} becomes this stack's, whoever has it: {TAKE_OVER} names it."
            yield warning(SUBJECT, sentence, f"unset {TAKE_OVER}, unless it is meant")
    elif other:
        yield other
    elif create and there and not mine:
        whose = ((there.get("metadata") or {}).get("annotations") or {}).get(OWNER_ANNOTATION)
        left = f", which the stack {whose} made" if whose else ""
        yield error(
            SUBJECT,
            f"Namespace {namespace} exists{left} and is not this stack's: `up` makes its own or none.",
            f"pulumi config set --path '{setting}' false -s {scene.stack}, or another {setting.rpartition('.')[0]}"
            f".namespace; RHSI_TAKE_OVER={namespace} pulumi up -s {scene.stack} takes it",
        )


def _other_owner(scene: Scene, namespace: str) -> Finding | None:
    """The stack that the ConfigMap names, where it is another one."""
    claim = scene.cluster().object("v1", "configmaps", OWNER_CONFIG_MAP, namespace)
    data = (claim or {}).get("data") or {}
    if not data or data.get("id") == scene.state().owner:
        return None
    return error(
        SUBJECT,
        f"Namespace {namespace} belongs to the stack {data.get('stack') or 'of unknown name'}: its ConfigMap "
        f"{OWNER_CONFIG_MAP} says so, and `up` refuses.",
        f"another namespace for this stack; RHSI_TAKE_OVER={namespace} pulumi up -s {scene.stack} takes it",
    )


def _objects(scene: Scene, namespace: str, refused: list[str]) -> Iterator[Finding]:
    """Objects with the program's names in a namespace that somebody else made."""
    known = {one.id for one in scene.state().resources}
    for kind, (api_version, plural) in KINDS.items():
        try:
            listed = scene.cluster().metadata(api_version, plural, namespace)
        except ClusterError as problem:
            if not problem.refused:
                raise
            refused.append(plural)
            continue
        for metadata in listed:
            name = metadata["name"]
            if f"{namespace}/{name}" not in known and _is_ours(scene, kind, metadata):
                yield _taken(scene, kind, f"{namespace}/{name}")


def _is_ours(scene: Scene, kind: str, metadata: Manifest) -> bool:
    """Whether the program would make an object of this name; what a controller made is that one's owner's."""
    settings, name = scene.settings, metadata["name"]
    if metadata.get("ownerReferences") or name == OWNER_CONFIG_MAP or name.startswith(SKUPPERS_PREFIX):
        return False
    if kind == "Site":
        return name == settings.site_name and not settings.skupper.existing_site
    if kind == "Connector" and name in settings.services.exports:
        return True
    if kind == "Listener" and name in settings.services.imports:
        return True
    return is_reserved(name, {settings.site, *settings.standbys})


def _taken(scene: Scene, kind: str, place: str) -> Finding:
    look = f"{scene.cli} get {kind.lower()} -n {place.replace('/', ' ')} -o yaml"
    adopt = f"`python -m ops adopt -s {scene.stack}` plans to keep it; {look}"
    if scene.settings.skupper.existing_site and kind in ("Connector", "Listener", "NetworkObserver"):
        return error(SUBJECT, f"{kind} {place} exists and is not this stack's: `up` refuses it.", adopt)
    return warning(
        SUBJECT,
        f"{kind} {place} exists and is not this stack's: `up` takes it over and changes it, `destroy` deletes it.",
        adopt,
    )


def _binding(scene: Scene) -> Iterator[Finding]:
    """The right to have tokens reviewed, whose name carries the namespace."""
    settings = scene.settings
    if not scene.has_own_login or settings.vault.login != "kubernetes":
        return
    name = f"rhsi-vault-reader-{settings.cluster.namespace}-auth-delegator"
    if scene.state().has("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", name):
        return
    try:
        there = _binding_of(scene.cluster(), name)
    except ClusterError as problem:
        if not problem.refused:
            raise
        return
    if there is not None:
        yield warning(
            SUBJECT,
            f"ClusterRoleBinding {name} exists and is not this stack's: `up` takes it over, `destroy` deletes it.",
            f"{scene.cli} get clusterrolebinding {name} -o yaml",
        )


def _binding_of(cluster: Cluster, name: str) -> Manifest | None:
    return cluster.object("rbac.authorization.k8s.io/v1", "clusterrolebindings", name)
