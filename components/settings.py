"""The stack's settings: typed, complete with defaults, and refused as a whole.

Owns every key below `rhsi:` and the nested defaults (top-level ones are in Pulumi.yaml); mistakes.py has the words.
Reads nothing but the configuration; what only a run can tell, such as the primary's outputs, is up to sites.py.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from components import formats
from components.mistakes import ABSENT, Mistake, explain

# Images with sh and kubectl or oc. OpenShift's comes from the cluster's own release, also without Internet.
CLAIM_IMAGES = {
    "openshift": "image-registry.openshift-image-registry.svc:5000/openshift/cli:latest",
    "kubernetes": "docker.io/alpine/k8s:1.34.1",
}


class SettingsError(pulumi.RunError):
    """Every mistake in a stack's settings, one a line."""


def _checked(check: Callable[[str], str | None]) -> AfterValidator:
    def validate(text: str) -> str:
        if text and (problem := check(text)):
            raise PydanticCustomError("format", "{problem}", {"problem": problem})
        return text

    return AfterValidator(validate)


Name = Annotated[str, Field(min_length=1), _checked(formats.kubernetes_name)]
VaultPath = Annotated[str, Field(min_length=1), _checked(formats.vault_path)]
Duration = Annotated[str, Field(min_length=1), _checked(formats.duration)]
Pem = Annotated[str, _checked(formats.pem)]


class Section(BaseModel):
    """A block of settings: camelCase keys, no unknown ones, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class Cluster(Section):
    """`rhsi:cluster`, the cluster of this stack."""

    context: Annotated[str, Field(min_length=1)]
    namespace: Name = "rhsi"
    create_namespace: bool = True
    platform: Literal["openshift", "kubernetes"] = "openshift"
    api_server: Annotated[str, _checked(formats.https_url)] = ""
    ca: Pem = ""
    audience: Annotated[str, Field(min_length=1)] = "https://kubernetes.default.svc"


class Vault(Section):
    """`rhsi:vault`, with the address as the clusters see it."""

    address: Annotated[str, _checked(formats.url)] = ""
    namespace: str = ""
    ca: Pem = ""
    mount: VaultPath = "rhsi"
    manage_mount: bool = True
    manage_auth: bool = True
    auth_path: Annotated[str, _checked(formats.vault_path)] = ""
    reviewer: Literal["client", "token"] = "client"
    audiences: list[Annotated[str, Field(min_length=1)]] = []


class Standby(Section):
    """`rhsi:standbys.<site>`, on the primary: one site that may link."""

    rotation: Annotated[int, Field(ge=1)] = 1
    expiration_window: Duration = "1h"
    redemptions: Annotated[int, Field(ge=1)] = 1


class Images(Section):
    """`rhsi:images`; empty means the platform's default."""

    claim: Annotated[str, _checked(formats.image)] = ""


class Timeouts(Section):
    """`rhsi:timeouts`, how long `up` waits for each gate."""

    site: Duration = "3m"
    grant: Duration = "2m"
    secret_store: Duration = "2m"  # noqa: S105 -- a duration
    claim: Duration = "5m"


class Settings(Section):
    """All settings of one stack."""

    site: Name
    role: Literal["primary", "standby"]
    cluster: Cluster
    vault: Vault
    standbys: dict[Name, Standby] = {}
    revoke: Annotated[int, Field(ge=0)] = 0
    primary_stack: Annotated[str, _checked(formats.stack)] = ""
    images: Images = Images()
    timeouts: Timeouts = Timeouts()
    protect: bool = True

    @property
    def auth_path(self) -> str:
        """The cluster's auth mount in Vault."""
        return self.vault.auth_path or f"kubernetes-{self.site}"

    @property
    def claim_image(self) -> str:
        """The image of the claim Job."""
        return self.images.claim or CLAIM_IMAGES[self.cluster.platform]

    @property
    def claim_seconds(self) -> int:
        """How long the claim's script may take."""
        return int(formats.duration_seconds(self.timeouts.claim) or 0)


def load(
    config: Mapping[str, str], *, stack: str, vault_addr: str = "", secret_keys: frozenset[str] = frozenset()
) -> Settings:
    """Read and check a stack's settings.

    Args:
        config: the keys below `rhsi:`, without the prefix, as Pulumi hands them over: text as it is, the rest as JSON.
        stack: the stack's name, the default of `site`.
        vault_addr: `$VAULT_ADDR`, with which a primary can do without `vault.address`.
        secret_keys: the keys whose values no message may show.

    Raises:
        SettingsError: with every mistake at once.
    """
    raw: dict[str, Any] = {"site": stack, "cluster": {}, "vault": {}}
    raw |= {key: _decoded(key, text) for key, text in config.items() if text != ""}
    mistakes = _cross_check(raw, stack, vault_addr)
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        mistakes = [explain(detail, Settings) for detail in error.errors(include_url=False)] + mistakes
    if mistakes:
        lines = [f"  - {mistake.sentence(secret_keys)}" for mistake in mistakes]
        raise SettingsError(f"The settings of stack {stack} cannot be used:\n" + "\n".join(lines))
    return settings


def from_stack() -> Settings:
    """The settings of the stack that this program runs for.

    Raises:
        SettingsError: with every mistake at once.
    """
    prefix = f"{pulumi.get_project()}:"
    keys = [key for key in runtime_config.CONFIG.get() if key.startswith(prefix)]
    return load(
        {key.removeprefix(prefix): runtime_config.get_config(key) for key in keys},
        stack=pulumi.get_stack(),
        vault_addr=os.environ.get("VAULT_ADDR", ""),
        secret_keys=frozenset(key.removeprefix(prefix) for key in keys if runtime_config.is_config_secret(key)),
    )


_STRINGS = frozenset({"site", "role", "primaryStack"})


def _decoded(key: str, text: str) -> Any:
    if key in _STRINGS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _cross_check(raw: Mapping[str, Any], stack: str, vault_addr: str) -> list[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    cluster, vault, standbys = (_section(raw, key) for key in ("cluster", "vault", "standbys"))
    found: list[Mistake] = []

    def refuse(path: str, value: Any, problem: str) -> None:
        found.append(Mistake(path, ABSENT if value in (None, "") else value, problem))

    if raw.get("role") == "primary":
        if raw.get("primaryStack"):
            refuse(
                "primaryStack",
                raw["primaryStack"],
                "only a standby has a primary; remove it, or make rhsi:role standby",
            )
        if raw["site"] in standbys:
            refuse(
                f"standbys.{raw['site']}",
                standbys[raw["site"]],
                "a site cannot be its own standby; rename or remove it",
            )
        if not (vault.get("address") or vault_addr):
            refuse("vault.address", None, "set it to Vault's URL, or set VAULT_ADDR")
    if raw.get("role") == "standby":
        if standbys:
            refuse("standbys", standbys, "the primary's stack lists the standbys; move it there")
        if raw.get("revoke"):
            refuse("revoke", raw["revoke"], "the primary's site is the one to revoke; set it in the primary's stack")
        if raw.get("primaryStack") in (None, "", stack):
            refuse(
                "primaryStack", raw.get("primaryStack"), "a standby needs its primary's stack; write for example site-a"
            )
        if not cluster.get("apiServer"):
            refuse("cluster.apiServer", None, "set it to the URL of this cluster's API server as Vault reaches it")
        if not vault.get("address"):
            refuse("vault.address", None, "set it to Vault's URL as this cluster sees it")
        audience = cluster.get("audience", Cluster.model_fields["audience"].default)
        audiences = vault.get("audiences")
        if audiences and vault.get("reviewer", "client") == "client" and audience not in audiences:
            refuse(
                "vault.audiences",
                audiences,
                "without the API server's own audience the client's token cannot ask for its review; add "
                f"{audience} or leave the list out",
            )
    return found


def _section(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}
