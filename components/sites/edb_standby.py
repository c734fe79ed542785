"""The standby's half of the replicated databases."""

from typing import Any

import pulumi

from components.component import Component
from components.edb.logical_replication import LogicalReplication
from components.edb.registry import KEY, SECRET_TYPE, TOKEN_PATH, docker_config_template
from components.edb.replication_test import ReplicationTest, ReplicationTestArgs
from components.edb.secrets import EdbSyncedCredentials, EdbSyncedCredentialsArgs
from components.edb.site import EdbSite
from components.external_secrets import SyncedSecret, SyncedSecretArgs, VaultSecretStore
from components.link.claim import LinkClaim
from components.settings import Settings
from components.sites.edb import described, namespace, replication_args, site_args
from components.sites.peer import Peer
from components.sites.vault import READER_ACCOUNT, secret_store
from components.vault import KubernetesAuth, ReaderAccount, ReaderAccountArgs


def smoke_test(settings: Settings, link: pulumi.Output[str]) -> ReplicationTestArgs:
    """The test of both ways, on the standby."""
    return ReplicationTestArgs(
        site=settings.site,
        peer=settings.edb_peer,
        link=link,
        namespace=settings.edb.namespace,
        skupper_namespace=settings.cluster.namespace,
        database=settings.edb.database,
        image=settings.edb.postgres_image,
        pull_secret=settings.edb.pull_secret,
        run_as_user=settings.claim_user,
        timeout_seconds=settings.smoke_test_seconds,
    )


class StandbyEdb(Component):
    """The standby's half: a way into Vault of its own, cluster, replication that waits for the link, smoke test."""

    exports: dict[str, pulumi.Input[Any]]
    site: EdbSite

    def __init__(
        self,
        name: str,
        settings: Settings,
        peer: Peer,
        *,
        auth: KubernetesAuth,
        claim: LinkClaim,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the component; the replication waits for the `claim` of the link."""
        super().__init__(name, opts)
        wanted = settings.edb
        owned = namespace(self, name, settings)
        reader = ReaderAccount(
            f"{name}-vault-reader",
            ReaderAccountArgs(namespace=wanted.namespace, service_account=READER_ACCOUNT),
            self.child(depends_on=owned),
        )
        store = VaultSecretStore(
            f"{name}-store",
            secret_store(settings, wanted.namespace, auth, reader.service_account),
            self.child(depends_on=[reader, auth]),
        )
        secrets: list[pulumi.Resource] = [self._credentials(name, settings, peer, store)]
        if wanted.pull_secret:
            secrets.append(self._pull_secret(name, settings, store))
        self.site = EdbSite(f"{name}-site", site_args(settings, peer.routing_prefix), self.child(depends_on=secrets))
        replication = LogicalReplication(
            f"{name}-replication",
            replication_args(settings, self.site, awaited=True),
            self.child(depends_on=[self.site, claim]),
        )
        self.exports = described(settings, replication)
        if wanted.smoke_test:
            test = ReplicationTest(
                f"{name}-smoke-test", smoke_test(settings, claim.link), self.child(depends_on=[replication])
            )
            self.exports["smoke_test"] = test.result
        self.register_outputs(self.exports)

    def _credentials(self, name: str, settings: Settings, peer: Peer, store: VaultSecretStore) -> EdbSyncedCredentials:
        primary = peer.edb
        return EdbSyncedCredentials(
            f"{name}-credentials",
            EdbSyncedCredentialsArgs(
                operator=settings.edb.operator,
                site=settings.site,
                peer=settings.edb_peer,
                namespace=settings.edb.namespace,
                store=store.store,
                paths=peer.grant["secrets"],
                version=pulumi.Output.format("{}", primary["password_rotation"]),
                peer_app=settings.edb.smoke_test,
                shared_ca=settings.edb.tls == "verify-full",
            ),
            self.child(depends_on=[store]),
        )

    def _pull_secret(self, name: str, settings: Settings, store: VaultSecretStore) -> SyncedSecret:
        registry = settings.edb.registry
        return SyncedSecret(
            f"{name}-pull-secret",
            SyncedSecretArgs(
                secret=settings.edb.pull_secret,
                namespace=settings.edb.namespace,
                store=store.store,
                path=TOKEN_PATH,
                # Whoever renews the token need not be this program: it is read anew every hour.
                version="",
                type=SECRET_TYPE,
                data={KEY: docker_config_template(registry.server, registry.user)},
                awaited=True,
            ),
            self.child(depends_on=[store]),
        )
