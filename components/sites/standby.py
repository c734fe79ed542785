"""The site that links to a primary."""

from typing import Any, cast

import pulumi

from components import outputs
from components.component import Component
from components.edb.names import routing_key
from components.external_secrets import SyncedSecret, SyncedSecretArgs
from components.link.claim import LinkClaim, LinkClaimArgs
from components.link.rotation import LINK_SECRET, rotation_commands
from components.postgres.following import Following, FollowingArgs
from components.postgres.replication import PRIMARY
from components.postgres.smoke_test import SmokeTest
from components.postgres.standby import StandbyDatabase, synced_users
from components.secret_store import STORE
from components.settings import Settings
from components.sites.edb_standby import StandbyEdb
from components.sites.foundation import Foundation
from components.sites.network_observer import network_observer
from components.sites.operators import SiteOperators
from components.sites.peer import Peer, passwords_version
from components.sites.postgres import smoke_test_args, standby_database_args, standby_postgres
from components.sites.runtimes import common_metadata, kubectl_runtime
from components.sites.services import described, exported_services, imported_services
from components.sites.skupper import among_others, skupper_site
from components.sites.vault import WayIn
from components.skupper.services import ServiceExport, ServiceImport
from components.vault.promised import PromisedSecrets, PromisedSecretsArgs


class StandbySite(Component):
    """The site that links to a primary: Skupper site, login to Vault, synced credentials, claim, and the database."""

    exports: dict[str, pulumi.Input[Any]]

    def __init__(self, name: str, settings: Settings) -> None:
        """Register the site with its providers."""
        base = Foundation(settings)
        super().__init__("rhsi:index:StandbySite", name, base.opts)
        self.common = common_metadata(settings)
        self.others = among_others(settings, base)
        namespace = settings.cluster.namespace
        peer = Peer(settings, self.child())
        grant = peer.grant
        operators = SiteOperators(name, settings, base, self)
        site = skupper_site(self, name, settings, base, operators)
        observed = operators.install("networkObserver", self, site.owned)
        external_secrets = operators.external_secrets(self, site.owned)
        way = WayIn(self, name, settings, base, after=[site], external_secrets=external_secrets)
        store = way.store
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
                store=settings.vault.store.name if settings.vault.store else STORE,
                own_store=settings.vault.store is None,
                ha=grant.apply(lambda known: bool(known.ha)),
                link_cost=settings.skupper.link_cost,
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
            paths = peer.paths(synced_users(list(settings.postgres.users)), followed)
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
                    sites=peer.standbys,
                    store=store.store,
                ),
                # The server's first start copies the primary over the link.
                self.child(depends_on=[claim, store, promised]),
            )
            imported[PRIMARY] = database.imported
            if database.exported:
                exported[PRIMARY] = database.exported
            result = None
            tested: list[pulumi.Resource] = []
            follows = not settings.postgres.promoted
            if settings.postgres.smoke_test and follows:
                test = smoke_test_args(settings, database, claim.link)
                tested.append(smoke_test := SmokeTest(f"{name}-smoke-test", test, self.child(depends_on=[database])))
                result = smoke_test.result
            postgres = standby_postgres(database, result)
            if follows:
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
                way=way,
                claim=claim,
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
