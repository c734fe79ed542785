"""What a catalogue holds: packages, their channels, and the bundle of each version.

Owns the form and the rules of versions and upgrades. Which packages there are is packages.py's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.kube import Manifest
from lab.stand_ins.olm.kinds import CSV

ALL_NAMESPACES = frozenset({"AllNamespaces"})
EVERY_MODE = frozenset({"OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces"})
_COMPARISON = re.compile(r"(>=|<=|>|<|=)?v?(\d+(?:\.\d+){0,2})")


def version_key(version: str) -> tuple[int, ...]:
    """A version for comparison: `2.1.3` before `2.2.0`. Pre-releases do not occur in these catalogues."""
    return tuple(int(part) for part in version.split("."))


def in_range(version: str, wanted: str) -> bool:
    """Whether a version satisfies a range of `olm.skipRange`, such as `>=2.1.0 <2.2.0`; no range holds nothing."""
    compared = [_COMPARISON.fullmatch(one) for one in wanted.split()]
    own = version_key(version)
    tests: dict[str, Callable[[tuple[int, ...]], bool]] = {
        ">=": lambda other: own >= other,
        "<=": lambda other: own <= other,
        ">": lambda other: own > other,
        "<": lambda other: own < other,
        "=": lambda other: own == other,
    }
    return bool(compared) and all(one and tests[one[1] or "="](version_key(one[2])) for one in compared)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One version of an operator.

    Attributes:
        package: the package's name.
        name: of its CSV.
        version: without `v`.
        title: what a console calls the operator.
        modes: the install modes that it supports.
        definitions: makes the CRDs that it owns.
        deployments: name and spec of each Deployment, as in a CSV.
        account: the service account of its pods.
    """

    package: str
    name: str
    version: str
    title: str
    modes: frozenset[str]
    definitions: Callable[[], list[Manifest]] = field(repr=False)
    deployments: tuple[Manifest, ...] = field(repr=False)
    account: str

    @property
    def apis(self) -> frozenset[str]:
        """The kinds that it provides, as `<Kind> (<group>/<version>)`."""
        return frozenset(
            f"{one['spec']['names']['kind']} ({one['spec']['group']}/{version['name']})"
            for one in self.definitions()
            for version in one["spec"]["versions"]
        )

    def csv(self, replaces: str) -> Manifest:
        """Its ClusterServiceVersion, without a namespace."""
        spec: dict[str, Any] = {
            "displayName": self.title,
            "version": self.version,
            "installModes": [{"type": mode, "supported": mode in self.modes} for mode in sorted(EVERY_MODE)],
            "customresourcedefinitions": {"owned": [_owned(one) for one in self.definitions()]},
            "install": {"strategy": "deployment", "spec": {"deployments": list(self.deployments)}},
        }
        if replaces:
            spec["replaces"] = replaces
        return {"apiVersion": CSV.api_version, "kind": CSV.name, "metadata": {"name": self.name}, "spec": spec}


def _owned(definition: Manifest) -> Manifest:
    names, spec = definition["spec"]["names"], definition["spec"]
    newest = next(version["name"] for version in spec["versions"] if version["storage"])
    return {"name": definition["metadata"]["name"], "kind": names["kind"], "version": newest}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A bundle's place in a channel: what it upgrades, by name and by a range of versions."""

    bundle: Bundle
    replaces: str = ""
    skip_range: str = ""

    def upgrades(self, name: str, version: str) -> bool:
        """Whether an installed CSV may be upgraded to this one."""
        return self.replaces == name or in_range(version, self.skip_range)


@dataclass(frozen=True, kw_only=True)
class Package:
    """One operator in a catalogue; of each channel the entries, the oldest first."""

    name: str
    default_channel: str
    channels: Mapping[str, tuple[Entry, ...]]

    def entries(self, channel: str) -> Iterator[tuple[str, Entry]]:
        """Channel and entry, the newest first; of all channels, the default one first, where none is named."""
        others = sorted(self.channels, key=lambda name: (name != self.default_channel, name))
        for name in [channel] if channel else others:
            yield from ((name, entry) for entry in reversed(self.channels.get(name, ())))


def chain(bundles: list[Bundle], skip_range: str = "") -> tuple[Entry, ...]:
    """A channel in which each bundle replaces the one before it.

    Args:
        bundles: the oldest first.
        skip_range: what the newest can be reached from directly.
    """
    found = []
    for number, bundle in enumerate(bundles):
        newest = number == len(bundles) - 1
        found.append(
            Entry(
                bundle=bundle,
                replaces=bundles[number - 1].name if number else "",
                skip_range=skip_range if newest else "",
            )
        )
    return tuple(found)
