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
from components.postgres import backup, monitoring, versions
from components.settings import formats
from components.settings.edb import Edb, likely_peer, peer_site
from components.settings.edb_mistakes import edb_mistakes
from components.settings.environment import VariableMistake, environment_mistakes
from components.settings.images import Images, mirrored
from components.settings.kubeconfig import context_mistakes, contexts
from components.settings.labels import Annotations, Labels
from components.settings.mistakes import Mistake, explain, without_echoes
from components.settings.names import name_mistakes
from components.settings.network_observer import NetworkObserver
from components.settings.network_policies import NetworkPolicies, network_policies_mistakes
from components.settings.operators import Operators, Place, operators_mistakes, place
from components.settings.pods import Pods, pods_mistakes
from components.settings.postgres import Postgres
from components.settings.postgres_mistakes import postgres_mistakes
from components.settings.role import as_meant, role_mistakes
from components.settings.section import Counter, Name, Section, checked
from components.settings.services import Services, services_mistakes
from components.settings.site import Cluster, Standby, Timeouts, site_mistakes
from components.settings.skupper import Skupper, skupper_mistakes
from components.settings.vault import Vault
from components.settings.vault_mistakes import vault_mistakes
from components.skupper.site import SITE_NAMES
from components.vault.names import policy_name


class SettingsError(pulumi.RunError):
    """Every mistake in a stack's settings, one a line."""


class Settings(Section):
    """All settings of one stack."""

    site: Name
    """Names the site's folder, policy, role and auth mount in Vault; stays what it was at the first `up`. Default: the
    stack's name."""
    role: Literal["primary", "standby"]
    """`primary` accepts links and grants them, `standby` claims one."""
    cluster: Cluster
    vault: Vault
    standbys: dict[Name, Standby] = Field(default_factory=dict)
    revoke: Counter = 0
    """On the primary: a counter that only grows. One more renews the site's CA, so that no old certificate works, and
    rotates every standby."""
    primary_stack: Annotated[str, checked(formats.stack)] = ""
    """On a standby: the primary's stack, by name or as `organization/project/stack`. Default: required on a standby."""
    images: Images = Images()
    """Where container images come from."""
    labels: Labels = Field(default_factory=dict)
    """Labels of every object that this program makes, and of the pods of its Jobs and databases."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the same objects and pods."""
    pods: Pods = Pods()
    """Where the pods of Jobs and databases run, what pulls their images, and what they may use."""
    network_policies: NetworkPolicies = NetworkPolicies()
    """NetworkPolicies for namespaces with default deny."""
    timeouts: Timeouts = Timeouts()
    services: Services = Services()
    skupper: Skupper = Skupper()
    postgres: Postgres = Postgres()
    edb: Edb = Edb()
    operators: Operators = Operators()
    network_observer: NetworkObserver = NetworkObserver()
    protect: bool = True
    """Whether `destroy` keeps what holds data: the Vault mount, clusters, and namespaces with a volume."""

    @property
    def auth_path(self) -> str:
        """The cluster's auth mount in Vault."""
        return self.vault.auth_path or f"{self.vault.login}-{self.site}"

    @property
    def vault_policy(self) -> str:
        """Name of the site's policy and role in Vault."""
        return policy_name(self.vault.mount, self.vault.prefix, self.site)

    @property
    def site_name(self) -> str:
        """Name of the Skupper Site, this stack's own or the one that exists."""
        return self.skupper.existing_site or self.skupper.site_name or SITE_NAMES[self.role]

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
        usual = versions.image_of(self.platform.postgres_image, self.postgres.version or versions.USUAL)
        return self.postgres.image or mirrored(usual, self.images.registry)

    @property
    def exporter_image(self) -> str:
        """The image of the exporter beside that server."""
        return self.postgres.exporter_image or mirrored(monitoring.IMAGE, self.images.registry)

    @property
    def postgres_backup_image(self) -> str:
        """The image of the container that keeps that server's backups."""
        usual = backup.IMAGE.format(version=self.postgres_version or versions.USUAL)
        return self.postgres.backup_image or mirrored(usual, self.images.registry)

    @property
    def postgres_version(self) -> int | None:
        """The major version of that image; None where nobody has told it."""
        return self.postgres.version or versions.told_by(self.postgres_image)

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
    def operator_seconds(self) -> int:
        """How long the wait for an operator may take."""
        return _seconds(self.timeouts.operator)

    def operator_place(self, part: str) -> Place:
        """Where an operator of `rhsi:operators` comes from and goes to."""
        return place(self.operators, part, platform=self.cluster.platform, edb_operator=self.edb.operator)

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
        *site_mistakes(meant, stack),
        *vault_mistakes(meant, vault_addr, environment),
        *context_mistakes(meant, known_contexts),
        *services_mistakes(meant),
        *skupper_mistakes(meant),
        *name_mistakes(meant, likely_peer(meant)),
        *pods_mistakes(meant),
        *network_policies_mistakes(meant),
        *postgres_mistakes(meant, secret_keys),
        *edb_mistakes(meant, secret_keys),
        *operators_mistakes(meant),
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
