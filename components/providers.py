"""The two providers of a stack, explicit: default ones would follow whichever context or Vault a person happens to use.

Owns what ends up of them in the state: no path, no credentials, nothing of the machine.
"""

import os

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

from components.settings import Settings


def providers(settings: Settings) -> pulumi.ResourceOptions:
    """Options with both providers, for the component at the top.

    Raises:
        pulumi.RunError: VAULT_TOKEN is missing and this is no preview, which only warns.
    """
    if not os.environ.get("VAULT_TOKEN"):
        missing = "VAULT_TOKEN is missing: set it to a token with the rights of deploy/operator-policy.hcl"
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(f"{missing}.")
        pulumi.log.warn(f"{missing}; `pulumi up` will refuse to run without it.")
    cluster = kubernetes.Provider(
        "kubernetes",
        # Stores no path and no credentials of this machine; the provider still follows $KUBECONFIG.
        kubeconfig="",
        context=settings.cluster.context,
        cluster_identifier=settings.site,
        # A killed `up` leaves objects that its state does not know; the next one takes them over.
        upsert_existing_objects=True,
        # A new password changes its Secret; deleted and made again, it would be missing for a moment.
        enable_secret_mutable=True,
        # What somebody changed by hand has another manager since; without force it could not even be previewed.
        enable_patch_force=True,
    )
    secrets = vault.Provider(
        "vault",
        # The operator may reach Vault under another name than the clusters do.
        address=None if os.environ.get("VAULT_ADDR") else settings.vault.address,
        namespace=settings.vault.namespace or None,
        # A child token would end after 20 minutes, whatever the run still has to do.
        skip_child_token=True,
    )
    return pulumi.ResourceOptions(providers=[cluster, secrets])
