"""What stands already, as far as the plan needs it: one look at the cluster and at Vault.

Reads by clients that cannot change anything (ops/clusters.py, ops/vault.py). What is kept of an object is objects.py's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from components.settings import Settings
from ops.adopt import names
from ops.adopt.catalogue import Adoptable, place
from ops.adopt.objects import (
    CONFIG_MAP,
    DELEGATOR,
    JOB,
    LISTED,
    NAMESPACE,
    OPERATORS,
    SERVICE,
    SERVICE_ACCOUNT,
    Item,
    Kind,
    item,
)
from ops.clusters import Cluster, ClusterError
from ops.vault import Vault, VaultError


@dataclass(frozen=True, kw_only=True)
class Found:
    """What stands.

    Attributes:
        items: by `Kind namespace/name`.
        vault: what Vault says at a path of its API.
        unseen: what this login may not look at, a sentence each.
        blind: whether a plan without that may be wrong.
    """

    items: Mapping[str, Item] = field(default_factory=dict)
    vault: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    blind: bool = False

    def item(self, kind: str, name: str, namespace: str = "") -> Item | None:
        """One object, or None."""
        return self.items.get(place(kind, name, namespace))

    def all(self, kind: str) -> list[Item]:
        """All objects of a kind that were found, by name."""
        return sorted((one for one in self.items.values() if one.kind == kind), key=lambda one: one.name)

    def has(self, wanted: Adoptable) -> bool:
        """Whether that exists."""
        return wanted.place in self.items or wanted.place in self.vault


def look(
    settings: Settings,
    wanted: Iterable[Adoptable],
    *,
    cluster: Cluster,
    kv: Vault,
    login: Vault,
) -> Found:
    """Look at everything that the plan asks about, side by side.

    Args:
        settings: of the stack.
        wanted: what it would have to import.
        cluster: of the stack.
        kv: Vault as it writes secrets.
        login: Vault as it makes the way in.

    Raises:
        ClusterError: the cluster does not answer.
        VaultError: Vault does not answer.
    """
    questions = [*_of_cluster(settings, wanted, cluster), *_of_vault(settings, wanted, kv, login)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(_answer, questions))
    refusals = [answer for answer in answers if isinstance(answer, _Refusal)]
    items = [one for answer in answers if isinstance(answer, list) for one in answer]
    vault = [answer for answer in answers if isinstance(answer, tuple)]
    return Found(
        items={one.place: one for one in items},
        vault={path: data for path, data in vault if data is not None},
        unseen=tuple(dict.fromkeys(refusal.sentence for refusal in refusals)),
        blind=any(refusal.needed for refusal in refusals),
    )


Answer = list[Item] | tuple[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class _Question:
    ask: Callable[[], Answer]
    needed: bool = True


@dataclass(frozen=True)
class _Refusal:
    sentence: str
    needed: bool


def _answer(question: _Question) -> Answer | _Refusal:
    try:
        return question.ask()
    except (ClusterError, VaultError) as error:
        if error.refused or not question.needed:
            return _Refusal(str(error), question.needed)
        raise


def _of_cluster(settings: Settings, wanted: Iterable[Adoptable], cluster: Cluster) -> Iterator[_Question]:
    namespace = settings.cluster.namespace

    def listed(kind: Kind) -> _Question:
        return _Question(
            lambda: [item(kind, one) for one in cluster.objects(kind.api_version, kind.plural, namespace)],
            kind.needed,
        )

    def single(kind: Kind, name: str, within: str = "") -> _Question:
        def ask() -> Answer:
            found = cluster.object(kind.api_version, kind.plural, name, within)
            return [] if found is None else [item(kind, found)]

        return _Question(ask, kind.needed)

    yield from map(listed, LISTED)
    for used in namespaces(settings):
        yield single(CONFIG_MAP, names.OWNER_CONFIG_MAP, used)
    yield single(JOB, names.CLAIM_JOB, namespace)
    yield single(SERVICE_ACCOUNT, names.READER_ACCOUNT, namespace)
    yield single(DELEGATOR, names.delegator(namespace))
    yield from (single(SERVICE, name, namespace) for name in names.POSTGRES)
    for one in wanted:
        if one.place.startswith("Namespace "):
            yield single(NAMESPACE, one.id)
    if settings.edb.enabled:
        operator = Kind("Cluster", OPERATORS[settings.edb.operator], "clusters")
        yield single(operator, names.database(settings.site), settings.edb.namespace)


def _of_vault(settings: Settings, wanted: Iterable[Adoptable], kv: Vault, login: Vault) -> Iterator[_Question]:
    def at(vault: Vault, path: str, *, needed: bool = True) -> _Question:
        return _Question(lambda: (path, _data(vault, path)), needed)

    for one in wanted:
        if one.type.startswith("vault:"):
            yield at(kv if settings.role == "primary" else login, one.place)
    for site in claimed_sites(settings):
        yield at(kv, claim_path(settings, site))
    if settings.role == "primary":
        # Metadata only: what the secrets hold is nobody's business here.
        yield from (at(kv, token_path(settings, standby)) for standby in settings.standbys)
        if settings.vault.manage_mount:
            # Not every operator may read it, and not every engine has it.
            yield at(kv, f"{settings.vault.mount}/config", needed=False)
    elif settings.vault.store is None and settings.vault.manage_auth:
        yield at(login, f"auth/{settings.auth_path}/config")


def namespaces(settings: Settings) -> list[str]:
    """Those that a stack claims, by their ConfigMap `rhsi-owner`."""
    return [settings.cluster.namespace, *([settings.edb.namespace] if settings.edb.enabled else [])]


def claimed_sites(settings: Settings) -> list[str]:
    """The sites of whose folder in Vault a small secret tells the owner (components/sites/vault_owners.py)."""
    if settings.role == "primary":
        return list(settings.standbys)
    return [settings.site] if settings.vault.store else []


def claim_path(settings: Settings, site: str) -> str:
    """Where Vault has that secret; it holds the owner's name and number, and nothing secret."""
    return f"{settings.vault.mount}/data/{settings.vault.below(f'{site}/owner-{settings.role}')}"


def token_path(settings: Settings, standby: str) -> str:
    """Where Vault tells about a standby's credentials, without telling them."""
    return f"{settings.vault.mount}/metadata/{settings.vault.below(f'{standby}/link-token')}"


def _data(vault: Vault, path: str) -> Mapping[str, Any] | None:
    try:
        return vault.read(path)
    except VaultError as error:
        # That is how Vault says "no mount here" (vault:vault/logical_system.go, handleReadMount; auth likewise).
        if "No secret engine mount at" in str(error) or "No auth engine at" in str(error):
            return None
        raise
