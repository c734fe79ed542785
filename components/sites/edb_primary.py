"""The primary's half of the replicated databases."""

import pulumi
from pydantic import SecretStr

from components import outputs
from components.component import Component
from components.edb.logical_replication import LogicalReplication
from components.edb.registry import (
    OPERATOR_PULL_SECRET,
    TOKEN_PATH,
    PublishedToken,
    PublishedTokenArgs,
    PullSecret,
    PullSecretArgs,
)
from components.edb.secrets import EdbCredentials, EdbCredentialsArgs
from components.edb.site import EdbSite
from components.namespace import owned_namespace
from components.settings import Settings
from components.sites.edb import described, replication_args, site_args
from components.sites.edb_tables import PeersTables
from components.sites.foundation import Foundation
from components.sites.operators import Dependencies, SiteOperators
from components.sites.vault_owners import token_owner_args
from components.vault.ownership import VaultOwner


class PrimaryEdb(Component):
    """The primary's half: passwords for both sites, cluster, replication. It waits for nothing of the standby."""

    output: outputs.PrimaryEdb
    paths: dict[str, pulumi.Output[str]]
    site: EdbSite

    def __init__(
        self, name: str, settings: Settings, base: Foundation, operators: SiteOperators, opts: pulumi.ResourceOptions
    ) -> None:
        """Register the component; `paths` has the path in Vault of each of the standby's Secrets."""
        super().__init__("rhsi:index:PrimaryEdb", name, opts)
        self._owner = base.owner
        wanted = settings.edb
        owned = owned_namespace(self, name, base.edb_namespace())
        credentials = EdbCredentials(
            f"{name}-credentials",
            EdbCredentialsArgs(
                operator=wanted.operator,
                site=settings.site,
                peer=settings.edb_peer,
                namespace=wanted.namespace,
                vault_mount=settings.vault.mount,
                vault_folder=settings.vault.below(settings.edb_peer),
                passwords={secret: _secret(password) for secret, password in wanted.passwords.items()},
                password_rotation=wanted.password_rotation,
                peer_app=wanted.smoke_test,
                ca_certificate=wanted.ca.certificate,
                ca_key=_secret(wanted.ca.key),
            ),
            self.child(depends_on=owned),
        )
        secrets: list[pulumi.Resource] = [credentials]
        if wanted.pull_secret:
            secrets.append(self._pull_secret(name, settings, owned))
        theirs = PeersTables.of_standby(settings, self) if wanted.publish.given else None
        taken = theirs.taken if theirs else ""
        operator = operators.install(
            "database",
            self,
            owned,
            first=lambda namespace, after: (
                [self._operator_pull_secret(name, settings, namespace, after)] if wanted.pull_secret else []
            ),
        )
        self.site = EdbSite(
            f"{name}-site",
            site_args(settings, settings.routing_prefix, taken),
            self.child(depends_on=[*secrets, *operator]),
        )
        ready: list[pulumi.Resource] = [self.site]
        if theirs:
            ready.append(theirs.checked(name, self, [self.site]))
        replication = LogicalReplication(
            f"{name}-replication",
            # The standby's stack comes later; the operator tries until it is there.
            replication_args(settings, self.site, taken, awaited=False),
            self.child(depends_on=ready),
        )
        self.paths = credentials.paths
        self.output = outputs.PrimaryEdb(
            **vars(described(settings, replication)),
            password_rotation=wanted.password_rotation,
            peer_app=wanted.smoke_test,
        )
        self.register_outputs(vars(self.output))

    def _pull_secret(self, name: str, settings: Settings, owned: list[pulumi.Input[pulumi.Resource]]) -> PullSecret:
        registry = settings.edb.registry
        if registry.manage_token:
            owner = VaultOwner(f"{name}-token-owner", token_owner_args(settings, self._owner), self.child())
            path = settings.vault.below(TOKEN_PATH)
            published = PublishedTokenArgs(vault_mount=settings.vault.mount, path=path, token=_secret(registry.token))
            PublishedToken(f"{name}-token", published, self.child(depends_on=[owner]))
        args = pull_secret_args(settings, settings.edb.pull_secret, settings.edb.namespace)
        return PullSecret(f"{name}-pull-secret", args, self.child(depends_on=owned))

    def _operator_pull_secret(self, name: str, settings: Settings, namespace: str, ready: Dependencies) -> PullSecret:
        args = pull_secret_args(settings, OPERATOR_PULL_SECRET, namespace)
        return PullSecret(f"{name}-operator-pull-secret", args, self.child(depends_on=ready))


def pull_secret_args(settings: Settings, secret: str, namespace: str) -> PullSecretArgs:
    """A pull secret of the registry's token, for the databases or for their operator."""
    registry = settings.edb.registry
    return PullSecretArgs(
        secret=secret,
        namespace=namespace,
        server=registry.server,
        user=registry.user,
        token=_secret(registry.token),
    )


def _secret(value: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(value.get_secret_value())
