"""`rhsi:images`: where container images come from.

Owns the mirror and the list of all images that a stack may run by default. Does not own images that others choose:
Skupper's router, what operators run beside a database, PgBouncer among it.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from components.platform import PLATFORMS
from components.postgres import backup, monitoring, versions
from components.settings.edb import COMMUNITY_IMAGE, Edb
from components.settings.section import Image, Section, checked

# OpenShift's own registry, which has the images of the cluster's release and is reached without Internet.
CLUSTER_REGISTRY = "image-registry.openshift-image-registry.svc:5000"

_MIRROR = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*")


def _mirror(text: str) -> str | None:
    """A registry, perhaps with a port and a folder."""
    if _MIRROR.fullmatch(text):
        return None
    return "write a registry, with a port and a folder if it needs them, such as mirror.example.com:5000/team"


class Images(Section):
    """`rhsi:images`."""

    registry: Annotated[str, checked(_mirror)] = ""
    """A mirror: host, port and folder that take the place of the registry in every default image; the rest of its name
    stays. Images that another setting names, and those of OpenShift's own registry, are used as they are."""
    claim: Image = ""
    """Image of the Jobs that talk to the API server, with sh and kubectl or oc; empty means the platform's default."""


# What `images.claim` runs in.
KUBECTL_JOBS = (
    "the Jobs with kubectl: the claim of a link, the renewal of the site's CA, the waits for operators, and of the "
    "streaming database the upkeep and the start of each backup"
)


@dataclass(frozen=True, kw_only=True)
class DefaultImage:
    """An image that runs unless a setting names another one.

    Attributes:
        key: that setting, below `rhsi:`.
        image: the reference.
        runs: what runs in it.
    """

    key: str
    image: str
    runs: str


def mirrored(image: str, registry: str) -> str:
    """A default image as the mirror has it; no mirror, no change."""
    host, _, repository = image.partition("/")
    return f"{registry}/{repository}" if registry and host != CLUSTER_REGISTRY else image


def default_images(platform: str, registry: str = "") -> list[DefaultImage]:
    """Every image that a stack on this platform may run by default.

    Args:
        platform: `openshift` or `kubernetes`.
        registry: the mirror, as `rhsi:images.registry`.
    """
    known = PLATFORMS[platform]
    found = [
        ("images.claim", known.cli_image, KUBECTL_JOBS),
        ("postgres.image", known.postgres_image, "the streaming database and its smoke test"),
        ("postgres.backupImage", backup.IMAGE.format(version=versions.USUAL), "the streaming database's backups"),
        ("postgres.exporterImage", monitoring.IMAGE, "the exporter beside the streaming database, with `monitoring`"),
        ("edb.image", Edb().postgres_image, "the replicated databases and their smoke test, with `edb.operator: edb`"),
        ("edb.image", COMMUNITY_IMAGE, "the same, with `edb.operator: community`"),
    ]
    return [DefaultImage(key=key, image=mirrored(image, registry), runs=runs) for key, image, runs in found]
