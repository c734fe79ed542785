"""What stands on the cluster already and is not this stack's, with what `up` would do to it.

Owns the namespaces: one is created and never taken over, and the ConfigMap `rhsi-owner` says whose it is
(components/namespace.py). What is in them, or in none, is up to taken.py.
"""

from collections.abc import Iterator
from itertools import groupby

from components.namespace import OWNER_CONFIG_MAP, TAKE_OVER
from components.operators.waiting import JOB_NAMES
from components.owner import OWNER_ANNOTATION
from ops.clusters import ClusterError
from ops.doctor import taken
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene

SUBJECT = "names"

NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def check(scene: Scene) -> Iterator[Finding]:
    """Namespaces, what is in those that somebody else made, and what has none."""
    found, refused = list[Finding](), list[str]()
    for namespace, create, key in _namespaces(scene):
        known = list(_namespace(scene, namespace, create=create, key=key))
        found += known
        # Where a namespace is refused, nothing in it is touched.
        if not create and not any(one.state == "error" for one in known):
            found += taken.in_namespace(scene, namespace, refused)
    found += taken.in_cluster(scene)
    yield from found
    for namespace, kinds in groupby(refused, key=lambda place: place.partition("/")[0]):
        plurals = ",".join(place.partition("/")[2] for place in kinds)
        sentence = f"This login may not list {plurals} in {namespace}."
        yield unknown(SUBJECT, sentence, f"{scene.cli} get {plurals} -n {namespace}")
    if not (found or refused):
        yield ok(SUBJECT, "Nothing of another owner has this stack's names.")


def _namespaces(scene: Scene) -> Iterator[tuple[str, bool, str]]:
    settings = scene.settings
    yield settings.cluster.namespace, settings.cluster.create_namespace, "cluster"
    if settings.edb.enabled:
        yield settings.edb.namespace, settings.edb.create_namespace, "edb"
    for part in JOB_NAMES:
        if scene.installs(part) and not (place := settings.operator_place(part)).shared:
            # An operator's own namespace is always the stack's.
            yield place.namespace, True, f"operators.{part}"


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
        leave = f"pulumi config set --path '{setting}' false -s {scene.stack}, or "
        yield error(
            SUBJECT,
            f"Namespace {namespace} exists{left} and is not this stack's: `up` makes its own or none.",
            f"{'' if key.startswith('operators.') else leave}another rhsi:{key}.namespace; "
            f"RHSI_TAKE_OVER={namespace} pulumi up -s {scene.stack} takes it",
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
