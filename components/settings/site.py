"""Settings of the site itself: its cluster, Vault, who links to whom, and how long `up` waits."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Duration, Image, Name, Pem, Rotation, Section, VaultPath, checked, section


class Cluster(Section):
    """`rhsi:cluster`, the cluster of this stack."""

    context: Annotated[str, Field(min_length=1)]
    namespace: Name = "rhsi"
    create_namespace: bool = True
    platform: Literal["openshift", "kubernetes"] = "openshift"
    api_server: Annotated[str, checked(formats.https_url)] = ""
    ca: Pem = ""
    audience: Annotated[str, Field(min_length=1)] = "https://kubernetes.default.svc"


class Vault(Section):
    """`rhsi:vault`, with the address as the clusters see it."""

    address: Annotated[str, checked(formats.url)] = ""
    namespace: str = ""
    ca: Pem = ""
    mount: VaultPath = "rhsi"
    manage_mount: bool = True
    manage_auth: bool = True
    auth_path: Annotated[str, checked(formats.vault_path)] = ""
    reviewer: Literal["client", "token"] = "client"
    audiences: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)


class Standby(Section):
    """`rhsi:standbys.<site>`, on the primary: one site that may link."""

    rotation: Rotation = 1
    expiration_window: Duration = "1h"
    redemptions: Annotated[int, Field(ge=1)] = 1


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


def site_mistakes(raw: Mapping[str, Any], stack: str, vault_addr: str) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
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
    if audiences and vault.get("reviewer", "client") == "client" and audience not in audiences:
        fix = (
            "without the API server's own audience the client's token cannot ask for its review; add "
            f"{audience} or leave the list out"
        )
        yield Mistake.of("vault.audiences", audiences, fix)
