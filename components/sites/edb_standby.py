"""The standby's half of the replicated databases."""

import pulumi

from components import outputs
from components.component import Component
from components.edb.logical_replication import LogicalReplication
from components.edb.registry import KEY, OPERATOR_PULL_SECRET, SECRET_TYPE, TOKEN_PATH, docker_config_template
from components.edb.replication_test import ReplicationTest, ReplicationTestArgs
from components.edb.secrets import EdbSyncedCredentials, EdbSyncedCredentialsArgs, synced
from components.edb.site import EdbSite
from components.external_secrets import SyncedSecret, SyncedSecretArgs
from components.link.claim import LinkClaim
from components.namespace import owned_namespace
from components.secret_store import FoundSecretStore, VaultSecretStore
from components.settings import Settings
from components.sites.edb import described, replication_args, site_args
from components.sites.edb_tables import PeersTables
from components.sites.foundation import Foundation
from components.sites.operators import Dependencies, SiteOperators
from components.sites.peer import Peer, passwords_version
from components.sites.runtimes import edb_runtime
from components.sites.vault import WayIn
from components.vault.promised import PromisedSecrets, PromisedSecretsArgs


def replication_test_args(
    settings: Settings, link: pulumi.Output[str], taken: pulumi.Input[str]
) -> ReplicationTestArgs:
    """The test of both ways, on the standby; `taken` changes with what the primary publishes."""
    return ReplicationTestArgs(
        site=settings.site,
        peer=settings.edb_peer,
        link=link,
        namespace=settings.edb.namespace,
        skupper_namespace=settings.cluster.namespace,
        database=settings.edb.database,
        tls=settings.edb.tls,
        taken=taken,
        runtime=edb_runtime(settings),
    )


class StandbyEdb(Component):
    """The standby's half: a way into Vault of its own, cluster, replication that waits for the link, smoke test."""

    output: outputs.StandbyEdb
    site: EdbSite

    def __init__(
        self,
        name: str,
        settings: Settings,
        base: Foundation,
        peer: Peer,
        operators: SiteOperators,
        *,
        way: WayIn,
        claim: LinkClaim,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the component; the replication waits for the `claim` of the link."""
        super().__init__("rhsi:index:StandbyEdb", name, opts)
        wanted = settings.edb
        owned = owned_namespace(self, name, base.edb_namespace())
        store = way.store_in(self, name, wanted.namespace, owned)
        secrets: list[pulumi.Resource] = [self._credentials(name, settings, peer, store)]
        if wanted.pull_secret:
            secrets.append(self._pull_secret(name, settings, wanted.pull_secret, wanted.namespace, store))
        operator = operators.install(
            "database",
            self,
            owned,
            first=lambda namespace, after: (
                [self._operator_pull_secret(name, settings, way, namespace, after)] if wanted.pull_secret else []
            ),
        )
        theirs = PeersTables.of_primary(settings, peer.edb) if wanted.publish.given else None
        taken = theirs.taken if theirs else ""
        self.site = EdbSite(
            f"{name}-site",
            site_args(settings, peer.routing_prefix, taken),
            self.child(depends_on=[*secrets, *operator]),
        )
        ready: list[pulumi.Resource] = [self.site, claim]
        if theirs:
            checked = theirs.checked(name, self, [self.site, claim])
            ready += [checked, theirs.listed(name, self, after=[way.mark, checked])]
        replication = LogicalReplication(
            f"{name}-replication",
            replication_args(settings, self.site, taken, awaited=True),
            self.child(depends_on=ready),
        )
        result = None
        if wanted.smoke_test:
            result = ReplicationTest(
                f"{name}-smoke-test",
                replication_test_args(settings, claim.link, taken),
                self.child(depends_on=[replication]),
            ).result
        self.output = outputs.StandbyEdb(**vars(described(settings, replication)), smoke_test=result)
        self.register_outputs({name: value for name, value in vars(self.output).items() if value is not None})

    def _credentials(
        self, name: str, settings: Settings, peer: Peer, store: VaultSecretStore | FoundSecretStore
    ) -> EdbSyncedCredentials:
        replicated = peer.edb
        peer_app, shared_ca = settings.edb.smoke_test, settings.edb.tls == "verify-full"
        secrets = synced(settings.site, settings.edb_peer, peer_app=peer_app, shared_ca=shared_ca)
        paths = peer.paths(secrets, replicated)
        version = passwords_version(replicated.password_rotation, peer.grant)
        promised = PromisedSecrets(
            f"{name}-promised",
            PromisedSecretsArgs(stack=settings.primary_stack, mount=settings.vault.mount, paths=paths, version=version),
            self.child(),
        )
        return EdbSyncedCredentials(
            f"{name}-credentials",
            EdbSyncedCredentialsArgs(
                operator=settings.edb.operator,
                site=settings.site,
                peer=settings.edb_peer,
                namespace=settings.edb.namespace,
                store=store.store,
                paths=paths,
                version=version,
                peer_app=peer_app,
                shared_ca=shared_ca,
            ),
            self.child(depends_on=[store, promised]),
        )

    def _operator_pull_secret(
        self, name: str, settings: Settings, way: WayIn, namespace: str, after: Dependencies
    ) -> SyncedSecret:
        """EDB's operator is pulled with the token that its databases are; its namespace logs in to Vault for it."""
        store = way.store_in(self, f"{name}-operator", namespace, after)
        return self._pull_secret(f"{name}-operator", settings, OPERATOR_PULL_SECRET, namespace, store)

    def _pull_secret(
        self, name: str, settings: Settings, secret: str, namespace: str, store: VaultSecretStore | FoundSecretStore
    ) -> SyncedSecret:
        registry = settings.edb.registry
        return SyncedSecret(
            f"{name}-pull-secret",
            SyncedSecretArgs(
                secret=secret,
                namespace=namespace,
                store=store.store,
                path=settings.vault.below(TOKEN_PATH),
                # Whoever renews the token need not be this program: it is read anew every hour.
                version="",
                type=SECRET_TYPE,
                data={KEY: docker_config_template(registry.server, registry.user)},
                labels={},
                awaited=True,
            ),
            self.child(depends_on=[store]),
        )
