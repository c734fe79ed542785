"""Which provider serves what: provider resources, default providers, and what is configured for each.

A provider resource (`pulumi:providers:<package>`) is itself a resource, so the registry is also a provider: the one
that serves provider resources. Source: pulumi:pkg/resource/deploy/providers/registry.go.
"""

import threading
import uuid
from collections.abc import Mapping
from typing import Protocol

from lab.engine import urn as urns
from lab.engine.providers.base import (
    CheckResult,
    Diff,
    Provider,
    ProviderError,
    Reading,
    Request,
    UnconfiguredProvider,
)
from lab.engine.state import Resource
from lab.engine.urn import UNKNOWN_ID
from lab.engine.values import Properties, has_unknown


class Package(Protocol):
    """A kind of provider."""

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """How a change of configuration affects the resources."""
        ...

    def configure(self, inputs: Properties) -> Provider:
        """A provider with this configuration; it contacts nothing yet."""
        ...


class Registry:
    """The providers of one run."""

    def __init__(self, packages: Mapping[str, Package], builtin: Provider) -> None:
        self._packages = packages
        self._builtin = builtin
        self._lock = threading.Lock()
        self._by_id: dict[tuple[str, str], Provider] = {}
        self._latest: dict[str, Provider] = {}
        self._inputs: dict[str, Properties] = {}

    def _package(self, urn: str) -> Package:
        name = urns.package_of(urns.type_of(urn))
        try:
            return self._packages[name]
        except KeyError:
            known = ", ".join(sorted(self._packages))
            raise ProviderError(f"the lab's engine has no provider {name!r}, only {known}") from None

    def serving(self, resource: Resource) -> Provider:
        """The provider of a custom resource.

        Raises:
            ProviderError: the resource refers to a provider that is not there.
        """
        if urns.is_provider(resource.type):
            return self
        if urns.package_of(resource.type) == "pulumi":
            return self._builtin
        urn, id_ = urns.split_reference(resource.provider)
        with self._lock:
            provider = self._by_id.get((urn, id_)) or (self._latest.get(urn) if id_ == UNKNOWN_ID else None)
        if provider is None:
            raise ProviderError(f"unknown provider '{resource.provider}' for resource '{resource.urn}'")
        return provider

    def ensure(self, resource: Resource) -> None:
        """Make a provider resource of the state usable, if it is not yet."""
        if (resource.urn, resource.id) not in self._by_id:
            self._register(resource.urn, resource.id, resource.inputs)

    def rename(self, old_urn: str, new: Resource) -> None:
        """A provider resource has another URN now; its resources still refer to the old one."""
        with self._lock:
            provider = self._latest.get(new.urn)
            if provider is not None:
                self._by_id[old_urn, new.id] = provider

    def _register(self, urn: str, id_: str, inputs: Properties) -> None:
        provider = UnconfiguredProvider() if has_unknown(inputs) else self._package(urn).configure(inputs)
        with self._lock:
            self._by_id[urn, id_ or UNKNOWN_ID] = provider
            self._latest[urn] = provider
            self._inputs[urn] = inputs

    def diff_references(self, old: Resource, new_urn: str) -> Diff:
        """How resources of an old provider resource are affected by a new one in its place."""
        return self._package(new_urn).diff_config(old.inputs, self._inputs.get(new_urn, {}))

    def cancel(self) -> None:
        """Let every wait of every provider end soon."""
        with self._lock:
            providers = {id(provider): provider for provider in self._by_id.values()}
        for provider in providers.values():
            provider.cancel()

    def check(self, request: Request) -> CheckResult:
        """Any configuration is taken; the package must be known."""
        self._package(request.urn)
        return CheckResult(request.news)

    def diff(self, request: Request) -> Diff:
        """The package knows."""
        return self._package(request.urn).diff_config(request.olds or {}, request.news)

    def create(self, request: Request) -> tuple[str, Properties]:
        """Configure a provider."""
        id_ = "" if request.preview else str(uuid.uuid4())
        self._register(request.urn, id_, request.news)
        return id_, request.news

    def read(self, request: Request) -> Reading:
        """A provider resource exists in the state only."""
        return Reading(request.id, request.outputs)

    def update(self, request: Request) -> Properties:
        """Configure the provider anew."""
        self._register(request.urn, request.id, request.news)
        return request.news

    def delete(self, request: Request) -> None:
        """A provider resource exists in the state only."""
