"""The login by Vault's JWT method: Vault judges a token by the public keys of the cluster that signed it.

For clusters whose API server Vault cannot reach. Nobody is asked whether an account still exists: a token is good until
it expires, and for Vault a key is good until an `up` takes it away. Written for Vault and OpenBao alike.
"""

from dataclasses import dataclass

import pulumi
import pulumi_vault as vault
from pulumi_vault import jwt as vault_jwt

from components.component import Component
from components.vault.issuer import Issuer
from components.vault.login import TOKEN_TTL_SECONDS, VaultLoginArgs, site_policy
from components.vault.reader import reader_account


@dataclass(frozen=True, kw_only=True)
class JwtAuthArgs(VaultLoginArgs):
    """A cluster's login by its own signature; where somebody else keeps the auth mount, `issuer` is None."""

    issuer: pulumi.Output[Issuer] | None


def subjects(args: VaultLoginArgs) -> list[str]:
    """What the `sub` of a token may be: the account, in each namespace that reads Vault."""
    namespaces = (args.namespace, *args.other_namespaces)
    return [f"system:serviceaccount:{namespace}:{args.service_account}" for namespace in namespaces]


class JwtAuth(Component):
    """The service account that External Secrets uses, and what Vault must know to let it in."""

    auth_path: pulumi.Output[str]
    role: pulumi.Output[str]
    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: JwtAuthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; it needs a Kubernetes and a Vault provider."""
        super().__init__("rhsi:index:JwtAuth", name, opts)
        account = reader_account(self, name, args.service_account, args.namespace)
        policy = site_policy(self, name, args)
        self.auth_path = pulumi.Output.from_input(args.auth_path)
        mounted: list[pulumi.Resource] = [policy]
        if args.issuer:
            mounted.append(self._auth_mount(name, args, args.issuer, policy))
        role = vault_jwt.AuthBackendRole(
            f"{name}-role",
            backend=self.auth_path,
            role_name=args.policy,
            role_type="jwt",
            user_claim="sub",
            bound_audiences=list(args.audiences),
            # Not bound_subject, which has room for one, and which the provider leaves in Vault when it is taken out
            # (terraform-provider-vault:vault/resource_jwt_auth_backend_role.go, jwtAuthBackendRoleDataToWrite).
            bound_claims={"sub": ",".join(subjects(args))},
            token_policies=[policy.name],
            token_ttl=TOKEN_TTL_SECONDS,
            opts=self.child(delete_before_replace=True, depends_on=mounted),
        )
        # Known only once a login can succeed.
        self.role = role.role_name
        self.service_account = account.metadata.apply(lambda metadata: str(metadata["name"]))
        self.register_outputs({"authPath": self.auth_path, "role": self.role, "serviceAccount": self.service_account})

    def _auth_mount(
        self, name: str, args: JwtAuthArgs, issuer: pulumi.Output[Issuer], policy: vault.Policy
    ) -> vault_jwt.AuthBackend:
        return vault_jwt.AuthBackend(
            f"{name}-mount",
            type="jwt",
            path=args.auth_path,
            description=f"Service accounts of {args.site} (rhsi)",
            bound_issuer=issuer.apply(lambda known: known.url),
            jwt_validation_pubkeys=issuer.apply(lambda known: list(known.keys)),
            jwt_supported_algs=issuer.apply(lambda known: list(known.algorithms)),
            opts=self.child(delete_before_replace=True, depends_on=[policy]),
        )
