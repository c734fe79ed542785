"""What a site of either role stands on: its providers, its identity, and the right to its namespaces."""

import os
from collections.abc import Mapping
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import NAMESPACE, SITE, ExistingObject
from components.namespace import TAKE_OVER, NamespaceArgs
from components.owner import Owner, this_stack
from components.past import Past
from components.providers import Providers, providers, reading_provider
from components.settings import Settings
from components.sites.network_policies import cluster_network_policies, site_network_policies
from components.sites.past import facts
from components.skupper.found_site import site_problem


class Foundation(Component):
    """Who this stack is, where its cluster is, and what it was before; nothing is touched until all of it agrees.

    Its names do not depend on the role: a stack that changes it must find its own past.
    """

    owner: Owner
    cluster: pulumi.Output[str]
    login_providers: list[pulumi.ProviderResource]
    opts: pulumi.ResourceOptions

    def __init__(self, settings: Settings) -> None:
        """Register the foundation; `opts` are those of the site's component.

        `cluster` is the UID of its Namespace kube-system; `login_providers` are for what lets the cluster into Vault.

        Raises:
            pulumi.RunError: see `providers`. A contradiction to the past fails the run with a PastError's text.
        """
        super().__init__("rhsi:index:Foundation", "foundation", None)
        self._settings = settings
        reading = reading_provider(settings)
        system = ExistingObject("cluster", NAMESPACE, object_id="kube-system", opts=self.child(provider=reading))
        self.cluster = system.metadata.apply(lambda metadata: str(metadata["uid"]))
        past = Past(facts(settings, self.cluster, self._found_site(reading)), self.child())
        self.owner = this_stack(self.child())
        self._used: Providers = providers(settings, [past.memory])
        self.login_providers = [self._used.cluster, self._used.login]
        self.opts = pulumi.ResourceOptions(providers=[self._used.cluster, self._used.vault], depends_on=[past.memory])
        self.register_outputs({"stack": self.owner.stack, "id": self.owner.id, "cluster": self.cluster})

    def _found_site(self, reading: pulumi.ProviderResource) -> pulumi.Output[str] | None:
        """The UID of the Site that exists already; one that cannot be used fails the run before anything is touched."""
        settings = self._settings
        if not settings.skupper.existing_site:
            return None
        place = f"{settings.cluster.namespace}/{settings.site_name}"
        found = ExistingObject("site", SITE, object_id=place, opts=self.child(provider=reading))

        def checked(known: list[Any]) -> str:
            metadata, spec, status = known
            accepts_links, ha = settings.role == "primary", settings.skupper.ha
            if problem := site_problem(spec, status, accepts_links=accepts_links, ha=ha):
                raise pulumi.RunError(f"rhsi:skupper.existingSite names the Site {place}, which {problem}.")
            return str(metadata["uid"])

        return pulumi.Output.all(found.metadata, found.spec, found.status).apply(checked)

    def site_namespace(self) -> NamespaceArgs:
        """The namespace of the Skupper site."""
        cluster = self._settings.cluster
        return self._namespace(
            cluster.namespace,
            create=cluster.create_namespace,
            protect=self._settings.protects_namespace,
            policies=site_network_policies(self._settings),
        )

    def edb_namespace(self) -> NamespaceArgs:
        """The namespace of the replicated databases; their volumes would go with it."""
        edb = self._settings.edb
        return self._namespace(
            edb.namespace,
            create=edb.create_namespace,
            protect=self._settings.protect,
            policies=cluster_network_policies(self._settings),
        )

    def operator_namespace(self, namespace: str, *, shared: bool) -> NamespaceArgs:
        """The namespace of an operator; a shared one is the platform's, and neither made, claimed nor taken over."""
        if shared:
            if self._is_taken(namespace):
                pulumi.log.warn(f"{TAKE_OVER} takes no {namespace}: name a Subscription there, as {namespace}/<name>.")
            return self._args(namespace, taken=False, create=False, protect=False, policies={})
        return self._namespace(namespace, create=True, protect=False, policies={})

    def operator_creating(self, namespace: NamespaceArgs, place: str) -> pulumi.ProviderResource:
        """The provider for a Subscription, by its place `<namespace>/<name>`; a taken namespace brings it along."""
        if not self._is_taken(place):
            return namespace.creating
        pulumi.log.warn(f"Subscription {place} becomes this stack's, whoever has it: {TAKE_OVER} names it.")
        return self._used.cluster

    def creating(self, what: str) -> pulumi.ProviderResource:
        """The provider for an object that must not exist yet, unless somebody takes it over by that name."""
        return self._used.cluster if self._is_taken(what) else self._used.creating

    def _namespace(
        self, namespace: str, *, create: bool, protect: bool, policies: Mapping[str, Mapping[str, Any]]
    ) -> NamespaceArgs:
        if taken := self._is_taken(namespace):
            pulumi.log.warn(f"Namespace {namespace} becomes this stack's, whoever has it: {TAKE_OVER} names it.")
        return self._args(namespace, taken=taken, create=create, protect=protect, policies=policies)

    def _is_taken(self, name: str) -> bool:
        return name in os.environ.get(TAKE_OVER, "").split(",")

    def _args(
        self, namespace: str, *, taken: bool, create: bool, protect: bool, policies: Mapping[str, Mapping[str, Any]]
    ) -> NamespaceArgs:
        return NamespaceArgs(
            namespace=namespace,
            create=create,
            protect=protect,
            policies=policies,
            owner=self.owner,
            creating=self._used.cluster if taken else self._used.creating,
            claiming=self._used.cluster if taken else self._used.claiming,
        )
