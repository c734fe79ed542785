"""The two kinds of site, composed from the components; with providers.py the only place that reads settings.

A primary grants and publishes, a standby claims. Neither knows the other's cluster: names, expiry and rotation travel
by stack outputs, the credentials by Vault.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from components.component import Component
from components.external_secrets import SyncedSecret, SyncedSecretArgs, VaultSecretStore, VaultSecretStoreArgs
from components.link_claim import LinkClaim, LinkClaimArgs
from components.providers import providers
from components.revocation import LinkRevocation, LinkRevocationArgs
from components.settings import Settings
from components.skupper import LinkGrant, LinkGrantArgs, SkupperSite, SkupperSiteArgs
from components.vault import KubernetesAuth, KubernetesAuthArgs, KvStore, KvStoreArgs

LINK_SECRET = "rhsi-link-token"  # noqa: S105 -- the name of an object, no secret
READER_ACCOUNT = "rhsi-vault-reader"
STORE = "vault-rhsi"
# OpenShift assigns a UID; elsewhere the images' own user is often root, which the Job refuses to be.
UNPRIVILEGED_UID = {"openshift": 0, "kubernetes": 65532}


def build(settings: Settings) -> "PrimarySite | StandbySite":
    """Register everything that this stack's settings ask for.

    Logical names never depend on settings: under new ones the engine would take the live objects over and then delete
    them as the old ones.
    """
    return (PrimarySite if settings.role == "primary" else StandbySite)(settings.role, settings)


def rotation_commands(primary_stack: str, standby: str, rotation: int, standby_stack: str) -> str:
    """What to type for the rotation that follows `rotation`."""
    return (
        f"pulumi config set --path 'rhsi:standbys.{standby}.rotation' {rotation + 1} -s {primary_stack} && "
        f"pulumi up -s {primary_stack} && pulumi up -s {standby_stack}"
    )


def peer_grant(standbys: Mapping[str, Any] | None, settings: Settings) -> dict[str, Any]:
    """This standby's entry in the primary's output `standbys`, with the rotation as the integer it is.

    Raises:
        pulumi.RunError: the primary has none, or keeps it in another mount.
    """
    entry = (standbys or {}).get(settings.site)
    if entry is None:
        raise pulumi.RunError(
            f"The primary's stack {settings.primary_stack} has no grant for {settings.site}: set "
            f"rhsi:standbys.{settings.site} there and run `pulumi up -s {settings.primary_stack}` first."
        )
    if entry["vault_mount"] != settings.vault.mount:
        raise pulumi.RunError(
            f"rhsi:vault.mount is {settings.vault.mount!r}, but the primary's stack {settings.primary_stack} keeps the "
            f"credentials in {entry['vault_mount']!r}: set both to the same mount."
        )
    return {**entry, "rotation": int(entry["rotation"])}


class PrimarySite(Component):
    """The site that accepts links: Skupper site, Vault mount, revocations, and a grant for each standby."""

    exports: dict[str, pulumi.Input[Any]]

    def __init__(self, name: str, settings: Settings) -> None:
        """Register the site with its providers."""
        super().__init__(name, providers(settings))
        site = SkupperSite(
            f"{name}-skupper",
            SkupperSiteArgs(
                site_name="rhsi-primary",
                namespace=settings.cluster.namespace,
                create_namespace=settings.cluster.create_namespace,
                accepts_links=True,
                cut_old_tls=settings.revoke > 0,
                timeout=settings.timeouts.site,
            ),
            self.child(),
        )
        ready: list[pulumi.Resource] = [site]
        if settings.revoke:
            revocation = LinkRevocationArgs(
                number=settings.revoke,
                namespace=settings.cluster.namespace,
                image=settings.claim_image,
                run_as_user=UNPRIVILEGED_UID[settings.cluster.platform],
                timeout_seconds=settings.claim_seconds,
            )
            ready.append(LinkRevocation(f"{name}-revocation", revocation, self.child(depends_on=[site])))
        if settings.vault.manage_mount:
            store = KvStoreArgs(mount=settings.vault.mount, protect=settings.protect)
            ready.append(KvStore(f"{name}-kv", store, self.child()))
        # What was granted before a revocation is worthless, so each one is a rotation of every standby.
        rotations = {standby: wanted.rotation + settings.revoke for standby, wanted in settings.standbys.items()}
        grants = {
            standby: LinkGrant(
                f"{name}-{standby}",
                LinkGrantArgs(
                    standby=standby,
                    rotation=rotations[standby],
                    namespace=settings.cluster.namespace,
                    vault_mount=settings.vault.mount,
                    expiration_window=wanted.expiration_window,
                    redemptions_allowed=wanted.redemptions,
                    timeout=settings.timeouts.grant,
                ),
                # A redemption before the site has endpoints fails and is spent all the same.
                self.child(depends_on=ready),
            )
            for standby, wanted in settings.standbys.items()
        }
        self.exports = {
            "site": settings.site,
            "skupper_site": site.site_name,
            "namespace": site.namespace,
            "vault_mount": settings.vault.mount,
            "standbys": {
                standby: {
                    "rotation": rotations[standby],
                    "expires": grant.expires,
                    "grant": grant.grant,
                    "vault_mount": settings.vault.mount,
                    "vault_path": grant.vault_path,
                }
                for standby, grant in grants.items()
            },
        }
        self.register_outputs(self.exports)


class StandbySite(Component):
    """The site that links to a primary: Skupper site, login to Vault, synced credentials, claim."""

    exports: dict[str, pulumi.Input[Any]]

    def __init__(self, name: str, settings: Settings) -> None:
        """Register the site with its providers."""
        super().__init__(name, providers(settings))
        namespace = settings.cluster.namespace
        grant = self._grant(settings)
        site = SkupperSite(
            f"{name}-skupper",
            SkupperSiteArgs(
                site_name="rhsi-standby",
                namespace=namespace,
                create_namespace=settings.cluster.create_namespace,
                timeout=settings.timeouts.site,
            ),
            self.child(),
        )
        store = self._secret_store(name, settings, site)
        secret = SyncedSecret(
            f"{name}-link-token",
            SyncedSecretArgs(
                secret=LINK_SECRET,
                namespace=namespace,
                store=store.store,
                path=grant["vault_path"],
                version=pulumi.Output.format("{}/{}", grant["rotation"], grant["expires"]),
            ),
            self.child(depends_on=[store]),
        )
        claim = LinkClaim(
            f"{name}-link",
            LinkClaimArgs(
                namespace=namespace,
                secret=LINK_SECRET,
                rotation=grant["rotation"],
                expires=grant["expires"],
                rotate_hint=grant["rotation"].apply(
                    lambda rotation: rotation_commands(
                        settings.primary_stack, settings.site, int(rotation), pulumi.get_stack()
                    )
                ),
                image=settings.claim_image,
                run_as_user=UNPRIVILEGED_UID[settings.cluster.platform],
                timeout_seconds=settings.claim_seconds,
            ),
            self.child(depends_on=[site, secret]),
        )
        self.exports = {
            "site": settings.site,
            "skupper_site": site.site_name,
            "namespace": site.namespace,
            "rotation": grant["rotation"],
            "link": claim.link,
            "link_status": claim.status,
            "remote_site": claim.remote_site,
        }
        self.register_outputs(self.exports)

    def _grant(self, settings: Settings) -> pulumi.Output[dict[str, Any]]:
        name = settings.primary_stack
        if "/" not in name:
            name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{name}"
        standbys = pulumi.StackReference("primary", name, self.child()).get_output("standbys")
        preview = pulumi.runtime.is_dry_run()

        def read(value: Mapping[str, Any] | None) -> Any:
            # A pull request is previewed before anything of it exists; then what the primary will say is unknown.
            if preview and settings.site not in (value or {}):
                return pulumi.UNKNOWN
            return peer_grant(value, settings)

        return standbys.apply(read)

    def _secret_store(self, name: str, settings: Settings, site: SkupperSite) -> VaultSecretStore:
        namespace = settings.cluster.namespace
        ca: pulumi.Input[str] = settings.cluster.ca
        if not ca:
            published = ConfigMap.get(f"{name}-api-server-ca", "kube-public/kube-root-ca.crt", self.child())
            ca = published.data.apply(lambda data: str(data["ca.crt"]))
        auth = KubernetesAuth(
            f"{name}-vault-auth",
            KubernetesAuthArgs(
                site=settings.site,
                namespace=namespace,
                service_account=READER_ACCOUNT,
                auth_path=settings.auth_path,
                manage_auth=settings.vault.manage_auth,
                api_server=settings.cluster.api_server,
                api_server_ca=ca,
                kv_mount=settings.vault.mount,
                reviewer=settings.vault.reviewer,
                audiences=tuple(settings.vault.audiences),
                api_audience=settings.cluster.audience,
            ),
            self.child(depends_on=[site]),
        )
        return VaultSecretStore(
            f"{name}-store",
            VaultSecretStoreArgs(
                store=STORE,
                namespace=namespace,
                address=settings.vault.address,
                mount=settings.vault.mount,
                ca=settings.vault.ca,
                vault_namespace=settings.vault.namespace,
                auth_path=auth.auth_path,
                role=auth.role,
                service_account=auth.service_account,
                audiences=tuple(settings.vault.audiences),
                timeout=settings.timeouts.secret_store,
            ),
            self.child(depends_on=[auth]),
        )
