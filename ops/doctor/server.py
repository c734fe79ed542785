"""The API server: whether it answers, who this login is, and how old it may be."""

import re
from collections.abc import Iterator

from ops.clusters import ClusterError, Right
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene

SUBJECT = "cluster"

KUBERNETES = (1, 27)
"""Oldest that README names; OpenShift 4.14 has it."""

OPENSHIFT = (4, 14)


def check(scene: Scene) -> Iterator[Finding]:
    """The API server of the stack's context."""
    context = scene.settings.cluster.context
    try:
        version = scene.cluster().get("/version") or {}
    except ClusterError as problem:
        lacks_login = problem.refused or problem.no_login
        yield error(SUBJECT, str(problem), _login(scene) if lacks_login else f"{scene.cli} get --raw /version")
        return
    text = str(version.get("gitVersion", ""))
    numbers = re.match(r"v?(\d+)\.(\d+)", text)
    if not numbers:
        yield unknown(SUBJECT, f"Context {context} tells no version of Kubernetes.", f"{scene.cli} version")
    elif (int(numbers[1]), int(numbers[2])) < KUBERNETES:
        oldest = f"{_dotted(KUBERNETES)} (OpenShift {_dotted(OPENSHIFT)})"
        yield error(SUBJECT, f"Context {context} is Kubernetes {text}; {oldest} is the oldest.", "upgrade the cluster")
    else:
        yield ok(SUBJECT, f"Context {context} answers: Kubernetes {text.removeprefix('v')}.")
    try:
        # The version is for everybody; without a login the API server answers no question about oneself.
        scene.cluster().may(Right(verb="get", resource="namespaces", name="kube-system"))
    except ClusterError as problem:
        yield error(SUBJECT, str(problem), _login(scene))
        return
    yield from _platform(scene)


def _login(scene: Scene) -> str:
    program = scene.cli.split()[0]
    again = "oc login" if program == "oc" else f"log in again as the user of context {scene.settings.cluster.context}"
    return f"{again}; ask again: {scene.cli} auth whoami"


def _platform(scene: Scene) -> Iterator[Finding]:
    """Whether it is the kind of cluster that the settings say: it decides images, users and ways in."""
    platform = scene.settings.cluster.platform
    is_openshift = scene.cluster().get("/apis/security.openshift.io") is not None
    if is_openshift != (platform == "openshift"):
        is_now = "openshift" if is_openshift else "kubernetes"
        yield warning(
            SUBJECT,
            f"rhsi:cluster.platform is {platform}, but context {scene.settings.cluster.context} "
            f"{'is' if is_openshift else 'is not'} OpenShift: default images and users of pods may not fit it.",
            f"pulumi config set --path 'rhsi:cluster.platform' {is_now} -s {scene.stack}",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
