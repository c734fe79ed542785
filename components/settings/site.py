"""Settings of the site itself: its cluster, Vault, who links to whom, and how long `up` waits."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake, quoted
from components.settings.section import (
    Duration,
    GivenText,
    Image,
    Namespace,
    Pem,
    Positive,
    Rotation,
    Section,
    Text,
    VaultFolder,
    VaultPath,
    checked,
    section,
)
from components.vault.names import DEFAULT_MOUNT, below

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


class Vault(Section):
    """`rhsi:vault`, with the address as the clusters see it."""

    address: Annotated[str, checked(formats.url)] = ""
    namespace: Text = ""
    ca: Pem = ""
    mount: VaultPath = DEFAULT_MOUNT
    prefix: VaultFolder = ""
    manage_mount: bool = True
    manage_auth: bool = True
    auth_path: Annotated[str, checked(formats.vault_path)] = ""
    reviewer: Literal["client", "token"] = "client"
    audiences: list[GivenText] = Field(default_factory=list)

    def below(self, path: str) -> str:
        """A path below the mount, inside this environment's folder where it has one."""
        return below(self.prefix, path)


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
    operator: Duration = "10m"
    """How long `up` waits until OLM has installed an operator of `rhsi:operators`."""


def site_mistakes(
    raw: Mapping[str, Any], stack: str, vault_addr: str, environment: Mapping[str, str]
) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    cluster = section(raw, "cluster")
    if cluster.get("namespace") == "default" and cluster.get("createNamespace") is not False:
        yield Mistake.of("cluster.namespace", "default", OWN_DEFAULT)
    namespace, variable = section(raw, "vault").get("namespace") or "", environment.get("VAULT_NAMESPACE", "")
    if variable and isinstance(namespace, str) and variable.strip("/") != namespace.strip("/"):
        # The variable would fill in where the setting is empty, and nothing would tell whose run went where.
        fix = f"VAULT_NAMESPACE is {quoted(variable)}; unset it, or set both to the same namespace"
        yield Mistake.of("vault.namespace", namespace, fix)
    if raw.get("role") == "primary":
        yield from _of_primary(raw, vault_addr)
    if raw.get("role") == "standby":
        yield from _of_standby(raw, stack)


def _of_primary(raw: Mapping[str, Any], vault_addr: str) -> Iterator[Mistake]:
    standbys, site = section(raw, "standbys"), raw["site"]
    if raw.get("primaryStack"):
        fix = "only a standby has a primary; remove it, or make rhsi:role standby"
        yield Mistake.of("primaryStack", raw["primaryStack"], fix)
    if site in standbys:
        fix = "a site cannot be its own standby; rename or remove it"
        yield Mistake.of(f"standbys.{site}", standbys[site], fix)
    if not (section(raw, "vault").get("address") or vault_addr):
        yield Mistake.of("vault.address", None, "set it to Vault's URL, or set VAULT_ADDR")


def _of_standby(raw: Mapping[str, Any], stack: str) -> Iterator[Mistake]:
    cluster, vault = section(raw, "cluster"), section(raw, "vault")
    if standbys := section(raw, "standbys"):
        yield Mistake.of("standbys", standbys, "the primary's stack lists the standbys; move it there")
    if raw.get("revoke"):
        fix = "the primary's site is the one to revoke; set it in the primary's stack"
        yield Mistake.of("revoke", raw["revoke"], fix)
    if raw.get("primaryStack") in (None, "", stack):
        fix = "a standby needs its primary's stack; write for example site-a"
        yield Mistake.of("primaryStack", raw.get("primaryStack"), fix)
    if not cluster.get("apiServer"):
        fix = "set it to the URL of this cluster's API server as Vault reaches it"
        yield Mistake.of("cluster.apiServer", None, fix)
    if not vault.get("address"):
        yield Mistake.of("vault.address", None, "set it to Vault's URL as this cluster sees it")
    audience = cluster.get("audience", Cluster.model_fields["audience"].default)
    audiences = vault.get("audiences")
    own_token = vault.get("reviewer", "client") == "client"
    if own_token and isinstance(audiences, list) and audiences and audience not in audiences:
        fix = (
            "without the API server's own audience the client's token cannot ask for its review; add "
            f"{audience} or leave the list out"
        )
        yield Mistake.of("vault.audiences", audiences, fix)
