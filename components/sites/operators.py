"""What `rhsi:operators` means for a site: which operators it brings along, and what waits for each."""

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pulumi

from components.component import Component
from components.operators.external_secrets import ExternalSecrets, ExternalSecretsArgs
from components.operators.namespace import OperatorNamespace
from components.operators.operator import Operator, OperatorArgs
from components.operators.owners import OperatorOwners, OperatorOwnersArgs
from components.operators.packages import packages
from components.operators.serving import olm
from components.settings import Settings
from components.settings.operators import Place
from components.sites.foundation import Foundation
from components.sites.runtimes import operator_runtime

Dependencies = list[pulumi.Input[pulumi.Resource]]
# Of the logical names.
_NAMES = {
    "skupper": "skupper-operator",
    "networkObserver": "network-observer-operator",
    "externalSecrets": "external-secrets-operator",
    "database": "database-operator",
}


class SiteOperators:
    """The operators of a site, each registered where its kinds are first needed.

    A part that is off is somebody else's business: nothing is made, and nothing waits.
    """

    def __init__(self, name: str, settings: Settings, base: Foundation, site: Component) -> None:
        """Ask the cluster for OLM if anything needs it; registers nothing.

        Raises:
            NoOlmError: there is no OLM; as an error of what is made later.
        """
        self._name, self._settings, self._base = name, settings, base
        wanted = [package for part, package in packages(settings.edb.operator).items() if self.wants(part)]
        # No component of the site: whoever waits for that waits for all of it.
        self._ready: Dependencies = [olm(site, wanted, cluster=base.cluster).apply(lambda _: base)] if wanted else []

    def wants(self, part: str) -> bool:
        """Whether the stack installs this operator."""
        return self._settings.operators.part(part).enabled

    def look_around(self, site: Component, owned: Sequence[pulumi.Input[pulumi.Resource]]) -> None:
        """Register the look for other people's operators, if this stack wants any; before any `install`.

        Args:
            site: the component of the whole site.
            owned: what everything in the site's namespace depends on, for the look runs there.
        """
        settings = self._settings
        parts = [part for part in packages(settings.edb.operator) if self.wants(part)]
        if not parts:
            return
        places = {part: settings.operator_place(part) for part in parts}
        args = OperatorOwnersArgs(
            site_namespace=settings.cluster.namespace,
            wanted={part: subscription_place(there) for part, there in places.items()},
            runtime=operator_runtime(settings),
        )
        opts = site.child(depends_on=[*self._ready, *owned])
        self._ready = [*self._ready, OperatorOwners(f"{self._name}-operator-owners", args, opts)]

    def install(
        self,
        part: str,
        parent: Component,
        after: Sequence[pulumi.Input[pulumi.Resource]],
        *,
        first: Callable[[str, Dependencies], Sequence[pulumi.Resource]] = lambda _, __: (),
    ) -> list[pulumi.Resource]:
        """Register an operator and return what depends on its kinds; nothing where it is off.

        Args:
            part: key below `rhsi:operators`.
            parent: the component that needs it.
            after: what must be there before, above all the site's namespace, in which the wait runs.
            first: makes what must be in the operator's namespace before the operator is; it gets that namespace and
                what everything in there depends on.
        """
        if not self.wants(part):
            return []
        settings, name = self._settings, f"{self._name}-{_NAMES[part]}"
        there = settings.operator_place(part)
        namespace = self._base.operator_namespace(there.namespace, shared=there.shared)
        ready: Dependencies = [*self._ready, *after]
        if namespace.create:
            own = OperatorNamespace(f"{name}-namespace", namespace, parent.child(depends_on=ready))
            ready = [*ready, *own.ready]
        wanted = settings.operators.part(part)
        operator = Operator(
            name,
            OperatorArgs(
                part=part,
                package=there.package,
                namespace=namespace,
                creating=self._base.operator_creating(namespace, subscription_place(there)),
                channel=there.channel,
                source=there.source,
                source_namespace=there.source_namespace,
                starting_csv=wanted.starting_csv,
                approval=wanted.approval,
                site_namespace=settings.cluster.namespace,
                runtime=operator_runtime(settings),
            ),
            parent.child(depends_on=[*ready, *first(there.namespace, ready)]),
        )
        return [operator]

    def external_secrets(
        self, parent: Component, after: Sequence[pulumi.Input[pulumi.Resource]]
    ) -> list[pulumi.Resource]:
        """External Secrets, up to the moment when it runs; nothing where it is off."""
        installed = self.install("externalSecrets", parent, after)
        if not installed:
            return []
        args = ExternalSecretsArgs(
            vault_port=vault_port(self._settings.vault.address), creating=self._base.creating("external-secrets-config")
        )
        name = f"{self._name}-external-secrets"
        return [*installed, ExternalSecrets(name, args, parent.child(depends_on=installed))]


def subscription_place(there: Place) -> str:
    """Where a Subscription is, as `<namespace>/<name>`."""
    return f"{there.namespace}/{there.package.name}"


def vault_port(address: str) -> int:
    """The TCP port in Vault's URL."""
    parts = urlsplit(address)
    return parts.port or (443 if parts.scheme == "https" else 80)
