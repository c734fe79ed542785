"""The site that accepts links."""

from typing import Any

import pulumi

from components import outputs
from components.component import Component
from components.edb.names import routing_key
from components.link.grant import LinkGrant, LinkGrantArgs
from components.link.revocation import LinkRevocation, LinkRevocationArgs
from components.postgres.database import PrimaryDatabase
from components.postgres.replication import PRIMARY
from components.settings import Settings
from components.sites.edb_primary import PrimaryEdb
from components.sites.foundation import Foundation
from components.sites.network_observer import network_observer
from components.sites.operators import SiteOperators
from components.sites.postgres import primary_database_args, primary_postgres
from components.sites.runtimes import common_metadata, kubectl_runtime
from components.sites.services import described, exported_services, imported_services
from components.sites.skupper import among_others, router_access_args, skupper_site
from components.sites.vault_owners import primary_owner_args
from components.skupper.router_access import RouterAccess
from components.vault.mount import KvStore, KvStoreArgs
from components.vault.ownership import VaultOwner


class PrimarySite(Component):
    """The site that accepts links: Skupper site, Vault mount, revocations, a grant for each standby, the database."""

    exports: dict[str, pulumi.Input[Any]]

    def __init__(self, name: str, settings: Settings) -> None:
        """Register the site with its providers."""
        base = Foundation(settings)
        super().__init__("rhsi:index:PrimarySite", name, base.opts)
        self.common = common_metadata(settings)
        self.others = among_others(settings, base)
        operators = SiteOperators(name, settings, base, self)
        site = skupper_site(self, name, settings, base, operators)
        observed = operators.install("networkObserver", self, site.owned)
        ready: list[pulumi.Resource] = [site]
        if settings.skupper.router_access:
            access = router_access_args(settings, settings.skupper.router_access)
            ready.append(RouterAccess(f"{name}-router-access", access, self.child(depends_on=[site])))
        if settings.revoke:
            revocation = LinkRevocationArgs(
                number=settings.revoke,
                namespace=settings.cluster.namespace,
                runtime=kubectl_runtime(settings),
            )
            ready.append(LinkRevocation(f"{name}-revocation", revocation, self.child(depends_on=[site])))
        if settings.vault.manage_mount:
            store = KvStoreArgs(mount=settings.vault.mount, protect=settings.protect)
            ready.append(KvStore(f"{name}-kv", store, self.child()))
        owners: dict[str, pulumi.Resource] = {
            standby: VaultOwner(
                f"{name}-{standby}-owner",
                primary_owner_args(settings, base.owner, standby),
                self.child(depends_on=ready),
            )
            for standby in settings.standbys
        }
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
                    vault_folder=settings.vault.below(standby),
                    expiration_window=wanted.expiration_window,
                    redemptions_allowed=wanted.redemptions,
                    timeout=settings.timeouts.grant,
                    ha=settings.skupper.ha,
                ),
                # A redemption before the site has endpoints fails and is spent all the same.
                self.child(depends_on=[*ready, owners[standby]]),
            )
            for standby, wanted in settings.standbys.items()
        }
        owned = [*ready, *owners.values()]
        database = None
        if settings.postgres.enabled:
            database = PrimaryDatabase(
                f"{name}-postgres", primary_database_args(settings), self.child(depends_on=owned)
            )
        exported = exported_services(self, name, settings, settings.routing_prefix, [site])
        imported = imported_services(self, name, settings, settings.routing_prefix, [site])
        if database and database.exported:
            exported[PRIMARY] = database.exported
        if database and database.imported:
            imported[PRIMARY] = database.imported
        databases = None
        if settings.edb.enabled:
            databases = PrimaryEdb(f"{name}-edb", settings, base, operators, self.child(depends_on=owned))
            exported[routing_key(settings.site)] = databases.site.exported
            imported[routing_key(settings.edb_peer)] = databases.site.imported
        self.exports = outputs.exports(
            outputs.Primary(
                site=settings.site,
                skupper_site=site.site_name,
                namespace=site.namespace,
                vault_mount=settings.vault.mount,
                standbys={
                    standby: outputs.Grant(
                        rotation=rotations[standby],
                        configured_rotation=settings.standbys[standby].rotation,
                        ha=grant.ha,
                        expires=grant.expires,
                        grant=grant.grant,
                        vault_mount=settings.vault.mount,
                        vault_path=grant.vault_path,
                        secrets={
                            **(database.paths[standby] if database else {}),
                            **(databases.paths if databases and standby == settings.edb_peer else {}),
                        },
                    )
                    for standby, grant in grants.items()
                },
                routing_prefix=settings.routing_prefix,
                exported_services=described(exported),
                imported_services=described(imported),
                network_observer=network_observer(self, name, settings, [site, *observed]),
                postgres=primary_postgres(settings, database) if database else None,
                edb=databases.output if databases else None,
            )
        )
        self.register_outputs(self.exports)
