"""Images: whether the cluster can pull what the stack's pods run, as far as pods tell that stand already."""

from collections.abc import Iterator

from components.settings import Settings
from ops.clusters import Manifest
from ops.doctor.finding import Finding, error, ok, unknown
from ops.doctor.scene import Scene

SUBJECT = "images"

WAITING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
"""Why a container waits for its image (k8s.io/kubernetes/pkg/kubelet/images/types.go)."""


def images(settings: Settings) -> dict[str, str]:
    """The images of a stack's own pods: the image -> where it runs."""
    site, databases = settings.cluster.namespace, settings.edb.namespace
    found: dict[str, str] = {}
    operators = settings.operators
    installs = any(
        one.enabled
        for one in (operators.skupper, operators.network_observer, operators.external_secrets, operators.database)
    )
    if settings.role == "standby" or settings.revoke or installs:
        found[settings.cli_image] = site
    postgres = settings.postgres
    if postgres.enabled:
        found[settings.cli_image] = site
        found[settings.postgres_image] = site
        if postgres.monitoring:
            found[settings.exporter_image] = site
        if postgres.backup.destination_path:
            found[settings.postgres_backup_image] = site
    if settings.edb.enabled:
        found[settings.edb_image] = databases
    return found


def check(scene: Scene) -> Iterator[Finding]:
    """Every image of the stack's own pods."""
    wanted = images(scene.settings)
    pods = {place: scene.cluster().objects("v1", "pods", place) for place in set(wanted.values())}
    for image, namespace in wanted.items():
        yield _of_image(scene, image, namespace, [one for pod in pods[namespace] for one in _containers(pod)])


def _of_image(scene: Scene, image: str, namespace: str, containers: list[Manifest]) -> Finding:
    same = [one for one in containers if one["image"] == image]
    for one in same:
        waiting = (one["state"].get("waiting") or {}) if one["state"] else {}
        if waiting.get("reason") in WAITING:
            return error(
                SUBJECT,
                f"Namespace {namespace} cannot pull {image}: {waiting.get('message') or waiting['reason']}.",
                "rhsi:images.registry (a mirror), rhsi:pods.imagePullSecrets, or another image",
            )
    if any(one["imageID"] or one["state"].keys() & {"running", "terminated"} for one in same):
        return ok(SUBJECT, f"Namespace {namespace} has pulled {image}.")
    return unknown(
        SUBJECT,
        f"No pod of namespace {namespace} runs {image}: whether it can be pulled shows when one does.",
        f"{scene.cli} run pull-test -n {namespace} --image {image} --restart Never --rm -i --command -- true",
    )


def _containers(pod: Manifest) -> Iterator[Manifest]:
    """What a pod says of its containers, with the image as its spec names it."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    for containers, statuses in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        states = {one["name"]: one for one in status.get(statuses) or []}
        for one in spec.get(containers) or []:
            state = states.get(one["name"]) or {}
            yield {"image": one["image"], "imageID": state.get("imageID"), "state": state.get("state") or {}}
