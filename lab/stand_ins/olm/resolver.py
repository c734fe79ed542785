"""Which bundle each Subscription of a namespace gets, or why none can be had.

Pure decisions with upstream's words (pkg/controller/registry/resolver/resolver.go, variable_types.go). Upstream
solves constraints; without dependencies between packages the first candidate of each Subscription is the answer, or
there is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lab.stand_ins.olm.bundles import Entry
from lab.stand_ins.olm.sources import Catalogue, SourceKey

UNSATISFIABLE, PREVENTED = "ConstraintsNotSatisfiable", "ErrorPreventedResolution"


class ResolutionError(Exception):
    """The message of condition ResolutionFailed, and its reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A Subscription: what it asks for, and the CSV that it has installed."""

    name: str
    source: SourceKey
    package: str
    channel: str = ""
    starting: str = ""
    installed: str = ""


@dataclass(frozen=True, kw_only=True)
class Existing:
    """A CSV of the namespace; `wanted` says whether a Subscription has installed it."""

    name: str
    version: str
    package: str
    apis: frozenset[str]
    wanted: bool


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a Subscription gets: a bundle of a channel, in the place of the CSV `replaces`."""

    source: SourceKey
    channel: str
    entry: Entry
    replaces: str

    @property
    def identifier(self) -> str:
        """As upstream names it in its messages."""
        return f"{self.source.name}/{self.source.namespace}/{self.channel}/{self.entry.bundle.name}"


def resolve(
    namespace: str,
    groups: int,
    wishes: Sequence[Wish],
    existing: Sequence[Existing],
    catalogues: Mapping[SourceKey, Catalogue],
) -> dict[str, Choice]:
    """What each Subscription gets, by its name; one that is to keep what it has is not in it.

    Args:
        namespace: of all of it.
        groups: how many OperatorGroups it has.
        wishes: its Subscriptions.
        existing: its CSVs.
        catalogues: those that it sees; one that fails makes everything fail.

    Raises:
        ResolutionError: there is no answer.
    """
    if groups != 1:
        raise ResolutionError(PREVENTED, f"expected 1 OperatorGroup in the namespace, found {groups}")
    if broken := [
        f"error using catalogsource {key.namespace}/{key.name}: {one.error}"
        for key, one in catalogues.items()
        if one.error
    ]:
        raise ResolutionError(PREVENTED, broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]")
    chosen: dict[str, Choice] = {}
    kept: dict[str, Existing] = {}
    for wish in wishes:
        current = next((one for one in existing if one.name == wish.installed), None)
        candidates = _candidates(wish, current, catalogues.get(wish.source, Catalogue()))
        if candidates:
            chosen[wish.name] = candidates[0]
            _refuse_strangers(namespace, wish, candidates, existing)
        elif current:
            kept[wish.name] = current
    _refuse_rivals(namespace, chosen, kept)
    return chosen


def _candidates(wish: Wish, current: Existing | None, catalogue: Catalogue) -> list[Choice]:
    """What fits a Subscription, the best first; empty where it has that already.

    Raises:
        ResolutionError: nothing in the catalogue is what it asks for.
    """
    package = next((one for one in catalogue.packages if one.name == wish.package), None)
    entries = list(package.entries(wish.channel)) if package else []
    starting = "" if current else wish.starting
    fitting = [(channel, entry) for channel, entry in entries if starting in ("", entry.bundle.name)]
    subject = f"in the catalog referenced by subscription {wish.name}"
    lacks = ""
    if not catalogue.packages:
        where = f"catalog {wish.source.name} in namespace {wish.source.namespace}"
        lacks = f"no operators found from {where} referenced by subscription {wish.name}"
    elif package is None:
        lacks = f"no operators found in package {wish.package} {subject}"
    elif not entries:
        lacks = f"no operators found in channel {wish.channel} of package {wish.package} {subject}"
    elif not fitting:
        lacks = f"no operators found with name {starting} in channel {wish.channel} of package {wish.package} {subject}"
    if lacks:
        raise _unsatisfiable(lacks, f"subscription {wish.name} exists")
    return [
        Choice(source=wish.source, channel=channel, entry=entry, replaces=current.name if current else entry.replaces)
        for channel, entry in fitting
        if current is None or entry.upgrades(current.name, current.version)
    ]


def _refuse_strangers(namespace: str, wish: Wish, candidates: Sequence[Choice], existing: Sequence[Existing]) -> None:
    """A CSV without a Subscription stays, so nothing that it excludes can come.

    Raises:
        ResolutionError: there is one.
    """
    best = candidates[0]
    for stranger in (one for one in existing if not one.wanted):
        virtual = f"@existing/{namespace}//{stranger.name}"
        both = f"{virtual} and {best.identifier}"
        if shared := sorted(stranger.apis & best.entry.bundle.apis):
            clash = f"{both} provide {shared[0]}"
        elif stranger.package == wish.package:
            clash = f"{both} originate from package {wish.package}"
        else:
            continue
        raise _unsatisfiable(
            f"subscription {wish.name} exists",
            f"subscription {wish.name} requires {_one_of([one.identifier for one in candidates])}",
            clash,
            f"clusterserviceversion {stranger.name} exists and is not referenced by a subscription",
        )


def _refuse_rivals(namespace: str, chosen: Mapping[str, Choice], kept: Mapping[str, Existing]) -> None:
    """Two Subscriptions must not have the same kinds from different bundles, one that is there already included.

    Raises:
        ResolutionError: they would.
    """
    wanted = {name: (one.identifier, one.entry.bundle.apis) for name, one in chosen.items()}
    wanted |= {name: (f"@existing/{namespace}//{one.name}", one.apis) for name, one in kept.items()}
    for name, other in combinations(sorted(wanted), 2):
        (one, provided), (two, rival) = wanted[name], wanted[other]
        if one == two or not (shared := sorted(provided & rival)):
            continue
        raise _unsatisfiable(
            f"subscription {name} exists",
            f"subscription {name} requires {one}",
            f"subscription {other} exists",
            f"subscription {other} requires {two}",
            f"{one} and {two} provide {shared[0]}",
        )


def _unsatisfiable(*parts: str) -> ResolutionError:
    return ResolutionError(UNSATISFIABLE, f"constraints not satisfiable: {', '.join(parts)}")


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"at least one of {', '.join(names[:-1])} or {names[-1]}"
