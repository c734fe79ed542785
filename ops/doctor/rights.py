"""What this login may do on the cluster, verb by verb, against what the stack's own settings need (needs.py)."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from ops.clusters import CONNECTIONS, Right
from ops.doctor.finding import Finding, error, ok
from ops.doctor.needs import rights
from ops.doctor.scene import Scene

SUBJECT = "rights"


def check(scene: Scene) -> Iterator[Finding]:
    """Every right that the settings need, asked for by SelfSubjectAccessReview."""
    cluster, wanted = scene.cluster(), rights(scene.settings)
    # One at first: a server that does not answer is not asked a hundred times.
    first = cluster.may(wanted[0])
    threads = ThreadPoolExecutor(max_workers=CONNECTIONS)
    try:
        allowed = [first, *threads.map(cluster.may, wanted[1:])]
    finally:
        # Where one fails, the rest is not asked: the process would wait for all of them.
        threads.shutdown(wait=False, cancel_futures=True)
    missing = [right for right, may in zip(wanted, allowed, strict=True) if not may]
    for right, verbs in _by_resource(missing):
        place = f"in namespace {right.namespace}" if right.namespace else "in the cluster"
        yield error(SUBJECT, f"This login may not {', '.join(verbs)} {_what(right)} {place}.", _fix(scene, right))
    if not missing:
        yield ok(SUBJECT, f"This login has all {len(wanted)} rights that these settings need.")


def _fix(scene: Scene, right: Right) -> str:
    """An administrator's file, unless the stack asks for a namespace of its own, which the file makes instead."""
    cluster, edb = scene.settings.cluster, scene.settings.edb
    asked = {"cluster": cluster.create_namespace, "edb": edb.enabled and edb.create_namespace}
    if (right.group, right.resource) == ("", "namespaces") and any(asked.values()):
        commands = " && ".join(
            f"pulumi config set --path 'rhsi:{key}.createNamespace' false -s {scene.stack}"
            for key, create in asked.items()
            if create
        )
        return (
            f"{commands}, for deploy/operator-rbac.yaml makes the namespace; if this stack has made it already, an "
            "administrator takes the rules on namespaces in that file out of their comment"
        )
    return (
        f"an administrator: {scene.cli} apply -f deploy/operator-rbac.yaml (its head says what to replace); "
        f"ask again: {scene.cli} auth can-i {right}"
    )


def _what(right: Right) -> str:
    if right.path:
        return right.path
    kind = "/".join(part for part in (right.resource, right.subresource) if part)
    return f"{kind}.{right.group}" if right.group else kind


def _by_resource(missing: Iterable[Right]) -> Iterator[tuple[Right, list[str]]]:
    """The first of those on one resource in one namespace, with all their verbs, each with its names."""

    def place(right: Right) -> tuple[str, str]:
        return right.namespace, _what(right)

    for _, found in groupby(sorted(missing, key=place), key=place):
        same = list(found)
        names: dict[str, list[str]] = {}
        for right in same:
            names.setdefault(right.verb, []).append(right.name)
        verbs: dict[str, list[str]] = {}
        for verb, of in names.items():
            verbs.setdefault("" if "" in of else f" ({', '.join(of)})", []).append(verb)
        yield same[0], [", ".join(listed) + of for of, listed in verbs.items()]
