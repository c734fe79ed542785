"""Settings of the site itself: its cluster, who links to whom, and how long `up` waits."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import (
    Duration,
    GivenText,
    Image,
    Namespace,
    Pem,
    Positive,
    Rotation,
    Section,
    checked,
    section,
)

OWN_DEFAULT = (
    "no stack can own that namespace, for Kubernetes never lets it go; choose another one, or set createNamespace to "
    "false beside it"
)


class Cluster(Section):
    """`rhsi:cluster`, the cluster of this stack."""

    context: GivenText
    namespace: Namespace = "rhsi"
    create_namespace: bool = True
    platform: Literal["openshift", "kubernetes"] = "openshift"
    api_server: Annotated[str, checked(formats.https_url)] = ""
    ca: Pem = ""
    audience: GivenText = "https://kubernetes.default.svc"


class Standby(Section):
    """`rhsi:standbys.<site>`, on the primary: one site that may link."""

    rotation: Rotation = 1
    expiration_window: Duration = "1h"
    redemptions: Positive = 1


class Images(Section):
    """`rhsi:images`; empty means the platform's default."""

    claim: Image = ""


class Timeouts(Section):
    """`rhsi:timeouts`, how long `up` waits for each gate."""

    site: Duration = "3m"
    grant: Duration = "2m"
    secret_store: Duration = "2m"  # noqa: S105 -- a duration
    claim: Duration = "5m"
    database: Duration = "10m"
    smoke_test: Duration = "5m"


def site_mistakes(raw: Mapping[str, Any], stack: str) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    cluster = section(raw, "cluster")
    if cluster.get("namespace") == "default" and cluster.get("createNamespace") is not False:
        yield Mistake.of("cluster.namespace", "default", OWN_DEFAULT)
    if raw.get("role") == "primary":
        yield from _of_primary(raw)
    if raw.get("role") == "standby":
        yield from _of_standby(raw, stack)


def _of_primary(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    standbys, site = section(raw, "standbys"), raw["site"]
    if raw.get("primaryStack"):
        fix = "only a standby has a primary; remove it, or make rhsi:role standby"
        yield Mistake.of("primaryStack", raw["primaryStack"], fix)
    if site in standbys:
        fix = "a site cannot be its own standby; rename or remove it"
        yield Mistake.of(f"standbys.{site}", standbys[site], fix)


def _of_standby(raw: Mapping[str, Any], stack: str) -> Iterator[Mistake]:
    if standbys := section(raw, "standbys"):
        yield Mistake.of("standbys", standbys, "the primary's stack lists the standbys; move it there")
    if raw.get("revoke"):
        fix = "the primary's site is the one to revoke; set it in the primary's stack"
        yield Mistake.of("revoke", raw["revoke"], fix)
    if raw.get("primaryStack") in (None, "", stack):
        fix = "a standby needs its primary's stack; write for example site-a"
        yield Mistake.of("primaryStack", raw.get("primaryStack"), fix)
