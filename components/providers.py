"""The providers of a stack, explicit: default ones would follow whichever context or Vault a person happens to use.

Owns what ends up of them in the state: no path, no credentials, nothing of the machine.
"""

import os
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Providers:
    """The providers of a stack.

    Attributes:
        cluster: for everything in the stack's own namespaces. It takes over what exists, for a killed `up` leaves
            objects that the state does not know, and it forces its fields, for what somebody changed by hand has
            another manager since and could not even be previewed.
        claiming: for what tells whose a namespace is. It takes over its own only: the API server refuses the rest.
        creating: for what must not exist yet.
        vault: for everything in Vault but the way in.
        login: for the way in, which may be in another Vault namespace; mostly the same.
    """

    cluster: pulumi.ProviderResource
    claiming: pulumi.ProviderResource
    creating: pulumi.ProviderResource
    vault: pulumi.ProviderResource
    login: pulumi.ProviderResource


def reading_provider(settings: Settings) -> pulumi.ProviderResource:
    """Register a provider that owns nothing: with it the program looks where the stack's context leads.

    The state keeps the context of a provider, and `pulumi destroy` follows it: the others may not be registered before
    that look, or a refused run would leave `destroy` with another cluster.
    """
    return _kubernetes("kubernetes-reading", settings, [], upsert=False, force=False)


def providers(settings: Settings, depends_on: list[pulumi.Resource]) -> Providers:
    """Register the providers, after what they depend on.

    Raises:
        pulumi.RunError: VAULT_TOKEN is missing and this is no preview, which only warns.
    """
    if not os.environ.get("VAULT_TOKEN"):
        missing = "VAULT_TOKEN is missing: set it to a token with the rights of deploy/operator-policy.hcl"
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(f"{missing}.")
        pulumi.log.warn(f"{missing}; `pulumi up` will refuse to run without it.")
    found = settings.vault
    reached = _vault("vault", settings, found.namespace, depends_on)
    return Providers(
        cluster=_kubernetes("kubernetes", settings, depends_on, upsert=True, force=True),
        claiming=_kubernetes("kubernetes-claiming", settings, depends_on, upsert=True, force=False),
        creating=_kubernetes("kubernetes-creating", settings, depends_on, upsert=False, force=False),
        vault=reached,
        login=_vault("vault-login", settings, found.auth_namespace, depends_on) if found.auth_namespace else reached,
    )


def _vault(name: str, settings: Settings, namespace: str, depends_on: list[pulumi.Resource]) -> pulumi.ProviderResource:
    return vault.Provider(
        name,
        # The operator may reach Vault under another name than the clusters do.
        address=None if os.environ.get("VAULT_ADDR") else settings.vault.address,
        namespace=namespace or None,
        # Left out, the token's own namespace would fill in, and another person's token may have another one.
        set_namespace_from_token=False,
        # The SDK would take these two from the environment into the state, where they differ from person to person.
        max_retries=2,
        max_lease_ttl_seconds=1200,
        # A child token would end after 20 minutes, whatever the run still has to do.
        skip_child_token=True,
        opts=pulumi.ResourceOptions(depends_on=depends_on),
    )


def _kubernetes(
    name: str, settings: Settings, depends_on: list[pulumi.Resource], *, upsert: bool, force: bool
) -> kubernetes.Provider:
    return kubernetes.Provider(
        name,
        # Stores no path and no credentials of this machine; the provider still follows $KUBECONFIG.
        kubeconfig="",
        context=settings.cluster.context,
        cluster_identifier=settings.site,
        upsert_existing_objects=upsert,
        # A new password changes its Secret; deleted and made again, it would be missing for a moment.
        enable_secret_mutable=True,
        enable_patch_force=force,
        # What is left out, the SDK takes from the environment into the state, and the plugin follows it there.
        enable_server_side_apply=True,
        enable_config_map_mutable=False,
        delete_unreachable=False,
        skip_update_unreachable=False,
        suppress_deprecation_warnings=False,
        suppress_helm_hook_warnings=False,
        opts=pulumi.ResourceOptions(depends_on=depends_on),
    )
