"""Settings of the site itself: its cluster, who links to whom, and how long `up` waits."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import (
    Duration,
    GivenText,
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
    """The kubeconfig context of this cluster. The program never uses the current one."""
    namespace: Namespace = "rhsi"
    """The namespace of the Skupper site; none of the platform's own (`kube-*`, `openshift-*`)."""
    create_namespace: bool = True
    """Whether the namespace is this stack's. If so, it must not exist yet, and `destroy` deletes it. False with
    `deploy/operator-rbac.yaml`, which makes it. Stays what it was when the stack began to use the namespace."""
    platform: Literal["openshift", "kubernetes"] = "openshift"
    """The kind of the cluster, which decides default images and the UID of pods."""
    api_server: Annotated[str, checked(formats.https_url)] = ""
    """URL of the cluster's API server as Vault reaches it. Default: required on a standby."""
    ca: Pem = ""
    """CA of that URL's certificate. Default: `kube-public/kube-root-ca.crt`."""
    audience: GivenText = "https://kubernetes.default.svc"
    """The API server's own token audience."""


class Standby(Section):
    """`rhsi:standbys.<site>`, on the primary: one site that may link."""

    rotation: Rotation = 1
    """An integer that only grows; a new one means new credentials and a new link."""
    expiration_window: Duration = "1h"
    """How long the grant can be redeemed."""
    redemptions: Positive = 1
    """How often the grant can be redeemed."""


class Timeouts(Section):
    """`rhsi:timeouts`, how long `up` waits for each gate."""

    site: Duration = "3m"
    """How long `up` waits for the Skupper site."""
    grant: Duration = "2m"
    """How long `up` waits for a grant and its credentials."""
    secret_store: Duration = "2m"  # noqa: S105 -- a duration
    """How long `up` waits for External Secrets' login to Vault."""
    claim: Duration = "5m"
    """How long a standby's claim waits for its Secret, its token and its Link together."""
    database: Duration = "10m"
    """How long `up` waits for a database server."""
    smoke_test: Duration = "5m"
    """How long a smoke test may take."""
    operator: Duration = "10m"
    """How long `up` waits until OLM has installed an operator of `rhsi:operators`."""


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
