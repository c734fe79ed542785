"""All settings of one stack: read, checked, and refused with every mistake at once.

Owns every key below `rhsi:` and the nested defaults (top-level ones are in Pulumi.yaml). Reads nothing but the
configuration; what only a run can tell, such as the primary's outputs, is up to sites/.
"""

import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import Field, ValidationError

from components.platform import PLATFORMS, Platform
from components.settings import formats
from components.settings.edb import Edb, edb_mistakes, likely_peer, peer_site
from components.settings.environment import VariableMistake, environment_mistakes
from components.settings.images import Images, mirrored
from components.settings.kubeconfig import context_mistakes, contexts
from components.settings.mistakes import Mistake, explain, without_echoes
from components.settings.names import name_mistakes
from components.settings.network_policies import NetworkPolicies, network_policies_mistakes
from components.settings.pods import Annotations, Labels, Pods, pods_mistakes
from components.settings.postgres import Postgres, postgres_mistakes
from components.settings.role import as_meant, role_mistakes
from components.settings.section import Counter, Name, Section, checked
from components.settings.services import Services, services_mistakes
from components.settings.site import Cluster, Standby, Timeouts, Vault, site_mistakes
from components.settings.skupper import Skupper, skupper_mistakes


class SettingsError(pulumi.RunError):
    """Every mistake in a stack's settings, one a line."""


class Settings(Section):
    """All settings of one stack."""

    site: Name
    role: Literal["primary", "standby"]
    cluster: Cluster
    vault: Vault
    standbys: dict[Name, Standby] = Field(default_factory=dict)
    revoke: Counter = 0
    primary_stack: Annotated[str, checked(formats.stack)] = ""
    images: Images = Images()
    """Where container images come from."""
    labels: Labels = Field(default_factory=dict)
    """Labels of every object that this program makes, and of the pods of its Jobs and databases."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the same."""
    pods: Pods = Pods()
    """Where the pods of Jobs and databases run, what pulls their images, and what they may use."""
    network_policies: NetworkPolicies = NetworkPolicies()
    """NetworkPolicies for namespaces with default deny."""
    timeouts: Timeouts = Timeouts()
    services: Services = Services()
    skupper: Skupper = Skupper()
    postgres: Postgres = Postgres()
    edb: Edb = Edb()
    protect: bool = True

    @property
    def auth_path(self) -> str:
        """The cluster's auth mount in Vault."""
        return self.vault.auth_path or f"kubernetes-{self.site}"

    @property
    def platform(self) -> Platform:
        """What the kind of cluster decides."""
        return PLATFORMS[self.cluster.platform]

    @property
    def cli_image(self) -> str:
        """The image of the Jobs that talk to the API server."""
        return self.images.claim or mirrored(self.platform.cli_image, self.images.registry)

    @property
    def postgres_image(self) -> str:
        """The image of the streaming database's server and of its smoke test."""
        return self.postgres.image or mirrored(self.platform.postgres_image, self.images.registry)

    @property
    def edb_image(self) -> str:
        """The image of the replicated databases' instances and of their smoke test."""
        image = self.edb.postgres_image
        named = self.edb.image or {"server", "repository"} & self.edb.registry.model_fields_set
        return image if named else mirrored(image, self.images.registry)

    @property
    def postgres_user(self) -> int:
        """The UID of both, 0 for "as the cluster assigns"."""
        return self.postgres.run_as_user or self.platform.postgres_user

    @property
    def protects_namespace(self) -> bool:
        """Whether the site's namespace has to stay: the database's volume is in it."""
        return self.protect and self.postgres.enabled

    @property
    def edb_peer(self) -> str:
        """The site whose databases replicate with this one's."""
        return peer_site(self.role, self.edb.peer, self.standbys, self.primary_stack)

    @property
    def edb_peer_namespace(self) -> str:
        """The namespace of the Skupper site over there, part of the name by which the peer reaches this site."""
        return self.edb.peer_namespace or self.cluster.namespace

    @property
    def claim_seconds(self) -> int:
        """How long the claim's script may take."""
        return _seconds(self.timeouts.claim)

    @property
    def smoke_test_seconds(self) -> int:
        """How long the smoke test's script may take."""
        return _seconds(self.timeouts.smoke_test)

    @property
    def routing_prefix(self) -> str:
        """A primary's environment, which its services carry in their names."""
        return self.services.routing_prefix or self.site


def load(
    config: Mapping[str, str],
    *,
    stack: str,
    vault_addr: str = "",
    secret_keys: frozenset[str] = frozenset(),
    environment: Mapping[str, str] = MappingProxyType({}),
    known_contexts: list[str] | None = None,
) -> Settings:
    """Read and check a stack's settings.

    Args:
        config: the keys below `rhsi:`, without the prefix, as Pulumi hands them over: text as it is, the rest as JSON.
        stack: the stack's name, the default of `site`.
        vault_addr: `$VAULT_ADDR`, with which a primary can do without `vault.address`.
        secret_keys: the keys whose values no message may show.
        environment: all environment variables, for those that no run may have (environment.py, site.py).
        known_contexts: of the kubeconfig; None where that is not known.

    Raises:
        SettingsError: with every mistake at once.
    """
    raw: dict[str, Any] = {"site": stack, "cluster": {}, "vault": {}}
    raw |= {_carried(key): _decoded(key, text) for key, text in config.items() if text != ""}
    meant = as_meant(raw)
    mistakes = [
        *role_mistakes(raw),
        *site_mistakes(meant, stack, vault_addr, environment),
        *context_mistakes(meant, known_contexts),
        *services_mistakes(meant),
        *skupper_mistakes(meant),
        *name_mistakes(meant, likely_peer(meant)),
        *pods_mistakes(meant),
        *network_policies_mistakes(meant),
        *postgres_mistakes(meant, secret_keys),
        *edb_mistakes(meant, secret_keys),
    ]
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        mistakes = [explain(detail, Settings) for detail in error.errors(include_url=False)] + mistakes
    found: list[Mistake | VariableMistake] = [*without_echoes(mistakes), *environment_mistakes(environment)]
    if found:
        lines = [f"  - {mistake.sentence(secret_keys)}" for mistake in found]
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
        environment=os.environ,
        known_contexts=contexts(os.environ),
    )


_STRINGS = frozenset({"site", "role", "primaryStack"})


def _seconds(duration: str) -> int:
    return int(formats.duration_seconds(duration) or 0)


def _decoded(key: str, text: str) -> Any:
    if key in _STRINGS:
        return _carried(text)
    try:
        return _carried(json.loads(text))
    except (ValueError, RecursionError):
        return _carried(text)


def _carried(value: Any) -> Any:
    """A value without half characters, which JSON can write and nothing else can carry: U+FFFD is in their places."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_carried(key): _carried(one) for key, one in value.items()}
    return [_carried(one) for one in value] if isinstance(value, list) else value
