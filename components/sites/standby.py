"""The site that links to a primary."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from components import outputs
from components.component import Component
from components.custom_resource import CONFIG_MAP, ExistingObject
from components.edb.names import routing_key
from components.external_secrets import STORE, SyncedSecret, SyncedSecretArgs, VaultSecretStore
from components.link.claim import LinkClaim, LinkClaimArgs
from components.link.rotation import LINK_SECRET, rotation_commands
from components.postgres.database import USERS, StandbyDatabase
from components.postgres.following import Following, FollowingArgs
from components.postgres.replication import PRIMARY
from components.postgres.smoke_test import SmokeTest
from components.settings import Settings
from components.sites.edb_standby import StandbyEdb
from components.sites.foundation import Foundation
from components.sites.network_observer import network_observer
from components.sites.operators import SiteOperators
from components.sites.peer import Peer, passwords_version
from components.sites.postgres import smoke_test_args, standby_database_args, standby_postgres
from components.sites.runtimes import kubectl_runtime
from components.sites.services import described, exported_services, imported_services
from components.sites.vault import kubernetes_auth_args, secret_store_args
from components.skupper.services import ServiceExport, ServiceImport
from components.skupper.site import SITE_NAMES, SkupperSite, SkupperSiteArgs
from components.vault.kubernetes_auth import KubernetesAuth
from components.vault.promised import PromisedSecrets, PromisedSecretsArgs


class StandbySite(Component):
    """The site that links to a primary: Skupper site, login to Vault, synced credentials, claim, and the database."""

    exports: dict[str, pulumi.Input[Any]]

    def __init__(self, name: str, settings: Settings) -> None:
        """Register the site with its providers."""
        base = Foundation(settings)
        super().__init__("rhsi:index:StandbySite", name, base.opts)
        namespace = settings.cluster.namespace
        peer = Peer(settings, self.child())
        grant = peer.grant
        operators = SiteOperators(name, settings, base, self)
        site = SkupperSite(
            f"{name}-skupper",
            SkupperSiteArgs(
                site_name=SITE_NAMES["standby"],
                namespace=base.site_namespace(),
                accepts_links=False,
                cut_old_tls=False,
                ha=False,
                timeout=settings.timeouts.site,
            ),
            self.child(),
            operator=lambda owned: operators.install("skupper", self, owned),
        )
        observed = operators.install("networkObserver", self, site.owned)
        external_secrets = operators.external_secrets(self, site.owned)
        auth = KubernetesAuth(
            f"{name}-vault-auth",
            kubernetes_auth_args(settings, self._api_server_ca(name, settings)),
            self.child(depends_on=[site]),
        )
        store = VaultSecretStore(
            f"{name}-store",
            secret_store_args(settings, namespace, auth, auth.service_account),
            self.child(depends_on=[auth, *external_secrets]),
        )
        secret = SyncedSecret(
            f"{name}-link-token",
            SyncedSecretArgs(
                secret=LINK_SECRET,
                namespace=namespace,
                store=store.store,
                path=grant.vault_path,
                version=pulumi.Output.format("{}/{}", grant.rotation, grant.expires),
                type="",
                data={},
                labels={},
                # The claim says what is wrong with it.
                awaited=False,
            ),
            self.child(depends_on=[store]),
        )
        claim = LinkClaim(
            f"{name}-link",
            LinkClaimArgs(
                namespace=namespace,
                secret=LINK_SECRET,
                store=STORE,
                ha=grant.apply(lambda known: bool(known.ha)),
                rotation=grant.rotation,
                expires=grant.expires,
                rotate_hint=grant.apply(
                    lambda known: rotation_commands(
                        settings.primary_stack,
                        settings.site,
                        # An older primary does not tell; without revocations both are the same.
                        cast("int", known.configured_rotation or known.rotation),
                        pulumi.get_stack(),
                    )
                ),
                runtime=kubectl_runtime(settings),
            ),
            self.child(depends_on=[site, secret]),
        )
        exported: dict[str, ServiceExport] = {}
        imported: dict[str, ServiceImport] = {}
        if settings.services.exports or settings.services.imports:
            exported = exported_services(self, name, settings, peer.routing_prefix, [site])
            imported = imported_services(self, name, settings, peer.routing_prefix, [site])
        postgres = None
        if settings.postgres.enabled:
            followed = peer.postgres
            paths = peer.paths(USERS, followed)
            version = passwords_version(followed.password_rotation, grant)
            promised = PromisedSecrets(
                f"{name}-postgres-promised",
                PromisedSecretsArgs(
                    stack=settings.primary_stack,
                    mount=settings.vault.mount,
                    paths=paths,
                    version=version,
                ),
                self.child(depends_on=[claim]),
            )
            database = StandbyDatabase(
                f"{name}-postgres",
                standby_database_args(
                    settings,
                    paths=paths,
                    version=version,
                    primary=followed,
                    routing_prefix=peer.routing_prefix,
                    store=store.store,
                ),
                # The server's first start copies the primary over the link.
                self.child(depends_on=[claim, store, promised]),
            )
            imported[PRIMARY] = database.imported
            result = None
            tested: list[pulumi.Resource] = []
            if settings.postgres.smoke_test:
                test = smoke_test_args(settings, database, claim.link)
                tested.append(smoke_test := SmokeTest(f"{name}-smoke-test", test, self.child(depends_on=[database])))
                result = smoke_test.result
            postgres = standby_postgres(database, result)
            Following(
                f"{name}-postgres-following",
                FollowingArgs(namespace=namespace, stateful_set=database.stateful_set),
                # The smoke test waits until the standby follows; before it, there is nothing to warn of.
                self.child(depends_on=[database, *tested]),
            )
        databases = None
        if settings.edb.enabled:
            databases = StandbyEdb(
                f"{name}-edb",
                settings,
                base,
                peer,
                operators,
                auth=auth,
                claim=claim,
                external_secrets=external_secrets,
                opts=self.child(depends_on=[site]),
            )
            exported[routing_key(settings.site)] = databases.site.exported
            imported[routing_key(settings.edb_peer)] = databases.site.imported
        self.exports = outputs.exports(
            outputs.Standby(
                site=settings.site,
                skupper_site=site.site_name,
                namespace=site.namespace,
                rotation=grant.rotation,
                link=claim.link,
                links=claim.links,
                link_status=claim.status,
                remote_site=claim.remote_site,
                exported_services=described(exported),
                imported_services=described(imported),
                network_observer=network_observer(self, name, settings, [site, *observed]),
                postgres=postgres,
                edb=databases.output if databases else None,
            )
        )
        self.register_outputs(self.exports)

    def _api_server_ca(self, name: str, settings: Settings) -> pulumi.Input[str]:
        if settings.cluster.ca:
            return settings.cluster.ca
        published = ExistingObject(
            f"{name}-api-server-ca", CONFIG_MAP, object_id="kube-public/kube-root-ca.crt", opts=self.child()
        )
        return published.data.apply(published_ca)


def published_ca(data: Mapping[str, str] | None) -> str:
    """The CA that a cluster publishes, of the data of its ConfigMap.

    Raises:
        pulumi.RunError: there is none.
    """
    if ca := (data or {}).get("ca.crt"):
        return ca
    raise pulumi.RunError(
        "ConfigMap kube-public/kube-root-ca.crt has no ca.crt: set rhsi:cluster.ca to the CA of the API server."
    )
