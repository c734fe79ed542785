"""The standby's half of the replicated databases."""

from collections.abc import Sequence

import pulumi

from components import outputs
from components.component import Component
from components.edb.logical_replication import LogicalReplication
from components.edb.registry import KEY, OPERATOR_PULL_SECRET, SECRET_TYPE, TOKEN_PATH, docker_config_template
from components.edb.replication_test import ReplicationTest, ReplicationTestArgs
from components.edb.secrets import EdbSyncedCredentials, EdbSyncedCredentialsArgs, synced
from components.edb.site import EdbSite
from components.external_secrets import SyncedSecret, SyncedSecretArgs, VaultSecretStore
from components.link.claim import LinkClaim
from components.namespace import owned_namespace
from components.settings import Settings
from components.sites.edb import described, replication_args, site_args
from components.sites.foundation import Foundation
from components.sites.operators import Dependencies, SiteOperators
from components.sites.peer import Peer, passwords_version
from components.sites.runtimes import edb_runtime
from components.sites.vault import secret_store_args
from components.vault.kubernetes_auth import READER_ACCOUNT, KubernetesAuth, ReaderAccount, ReaderAccountArgs
from components.vault.promised import PromisedSecrets, PromisedSecretsArgs


def replication_test_args(settings: Settings, link: pulumi.Output[str]) -> ReplicationTestArgs:
    """The test of both ways, on the standby."""
    return ReplicationTestArgs(
        site=settings.site,
        peer=settings.edb_peer,
        link=link,
        namespace=settings.edb.namespace,
        skupper_namespace=settings.cluster.namespace,
        database=settings.edb.database,
        tls=settings.edb.tls,
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
        auth: KubernetesAuth,
        claim: LinkClaim,
        external_secrets: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the component; the replication waits for the `claim` of the link, Secrets for `external_secrets`."""
        super().__init__("rhsi:index:StandbyEdb", name, opts)
        wanted = settings.edb
        owned = owned_namespace(self, name, base.edb_namespace())
        self._settings, self._auth, self._external_secrets = settings, auth, external_secrets
        store = self._store(name, wanted.namespace, owned)
        secrets: list[pulumi.Resource] = [self._credentials(name, settings, peer, store)]
        if wanted.pull_secret:
            secrets.append(self._pull_secret(name, wanted.pull_secret, wanted.namespace, store))
        operator = operators.install(
            "database",
            self,
            owned,
            first=lambda namespace, ready: (
                [self._operator_pull_secret(name, namespace, ready)] if wanted.pull_secret else []
            ),
        )
        self.site = EdbSite(
            f"{name}-site", site_args(settings, peer.routing_prefix), self.child(depends_on=[*secrets, *operator])
        )
        replication = LogicalReplication(
            f"{name}-replication",
            replication_args(settings, self.site, awaited=True),
            self.child(depends_on=[self.site, claim]),
        )
        result = None
        if wanted.smoke_test:
            result = ReplicationTest(
                f"{name}-smoke-test", replication_test_args(settings, claim.link), self.child(depends_on=[replication])
            ).result
        self.output = outputs.StandbyEdb(**vars(described(settings, replication)), smoke_test=result)
        self.register_outputs({name: value for name, value in vars(self.output).items() if value is not None})

    def _store(self, name: str, namespace: str, owned: Dependencies) -> VaultSecretStore:
        reader = ReaderAccount(
            f"{name}-vault-reader",
            ReaderAccountArgs(namespace=namespace, service_account=READER_ACCOUNT),
            self.child(depends_on=owned),
        )
        return VaultSecretStore(
            f"{name}-store",
            secret_store_args(self._settings, namespace, self._auth, reader.service_account),
            self.child(depends_on=[reader, self._auth, *self._external_secrets]),
        )

    def _credentials(self, name: str, settings: Settings, peer: Peer, store: VaultSecretStore) -> EdbSyncedCredentials:
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

    def _operator_pull_secret(self, name: str, namespace: str, ready: Dependencies) -> SyncedSecret:
        """EDB's operator is pulled with the token that its databases are; its namespace logs in to Vault for it."""
        store = self._store(f"{name}-operator", namespace, ready)
        return self._pull_secret(f"{name}-operator", OPERATOR_PULL_SECRET, namespace, store)

    def _pull_secret(self, name: str, secret: str, namespace: str, store: VaultSecretStore) -> SyncedSecret:
        registry = self._settings.edb.registry
        return SyncedSecret(
            f"{name}-pull-secret",
            SyncedSecretArgs(
                secret=secret,
                namespace=namespace,
                store=store.store,
                path=self._settings.vault.below(TOKEN_PATH),
                # Whoever renews the token need not be this program: it is read anew every hour.
                version="",
                type=SECRET_TYPE,
                data={KEY: docker_config_template(registry.server, registry.user)},
                labels={},
                awaited=True,
            ),
            self.child(depends_on=[store]),
        )
