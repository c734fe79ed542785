"""The login by Vault's kubernetes method: Vault asks the cluster's API server about each token.

Written for Vault and OpenBao alike. What a login may read is written by others.
"""

from dataclasses import dataclass

import pulumi
import pulumi_vault as vault
from pulumi_vault import kubernetes as vault_kubernetes

from components.component import Component
from components.custom_resource import SECRET, KubernetesObject
from components.encoding import from_base64
from components.vault.login import TOKEN_TTL_SECONDS, VaultLoginArgs, site_policy
from components.vault.reader import reader_account, review_right, reviewer_secret


@dataclass(frozen=True, kw_only=True)
class KubernetesAuthArgs(VaultLoginArgs):
    """A cluster's login by the review of tokens.

    Attributes:
        api_server: URL of the cluster's API server as Vault reaches it.
        api_server_ca: PEM.
        reviewer: `client`: the client's own token asks for the review, nothing expires; `token`: a long-lived
            service-account token does.
        api_audience: the API server's audience, which the list of audiences then holds too.
    """

    api_server: str
    api_server_ca: pulumi.Input[str]
    reviewer: str
    api_audience: str


def role_audience(args: KubernetesAuthArgs) -> str | None:
    """The audience that the role demands: the first that is Vault's own, else the API server's, else none."""
    own = [audience for audience in args.audiences if audience != args.api_audience]
    return next(iter([*own, *args.audiences]), None)


class KubernetesAuth(Component):
    """The service account that External Secrets uses, and what Vault must know to let it in.

    The default reviewer is the client's own token: a stored reviewer token either expires and breaks every login, or
    never expires and is worth stealing.
    """

    auth_path: pulumi.Output[str]
    role: pulumi.Output[str]
    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: KubernetesAuthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; it needs a Kubernetes and a Vault provider."""
        super().__init__("rhsi:index:KubernetesAuth", name, opts)
        account = reader_account(self, name, args.service_account, args.namespace)
        binding = review_right(self, name, args.service_account, args.namespace, account)
        policy = site_policy(self, name, args)
        if args.manage_auth:
            auth_path, ready = self._auth_mount(name, args, account, policy)
        else:
            auth_path, ready = pulumi.Output.from_input(args.auth_path), []
        role = vault_kubernetes.AuthBackendRole(
            f"{name}-role",
            backend=auth_path,
            role_name=args.policy,
            bound_service_account_names=[args.service_account],
            bound_service_account_namespaces=[args.namespace, *args.other_namespaces],
            audience=role_audience(args),
            token_policies=[policy.name],
            token_ttl=TOKEN_TTL_SECONDS,
            opts=self.child(delete_before_replace=True, depends_on=ready),
        )
        self.auth_path = auth_path
        # Known only once a login can succeed, so that whoever logs in waits for the binding as well.
        self.role = pulumi.Output.all(role.role_name, binding.id).apply(lambda known: str(known[0]))
        self.service_account = account.metadata.apply(lambda metadata: str(metadata["name"]))
        self.register_outputs({"authPath": self.auth_path, "role": self.role, "serviceAccount": self.service_account})

    def _auth_mount(
        self, name: str, args: KubernetesAuthArgs, account: KubernetesObject, policy: vault.Policy
    ) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        backend = vault.AuthBackend(
            f"{name}-mount",
            type="kubernetes",
            path=args.auth_path,
            description=f"Service accounts of {args.site} (rhsi)",
            opts=self.child(delete_before_replace=True, depends_on=[policy]),
        )
        config = vault_kubernetes.AuthBackendConfig(
            f"{name}-config",
            backend=backend.path,
            kubernetes_host=args.api_server,
            kubernetes_ca_cert=args.api_server_ca,
            token_reviewer_jwt=self._reviewer_token(name, args, account) if args.reviewer == "token" else None,
            # Unset, Vault would demand an issuer that no cluster since Kubernetes 1.21 uses.
            disable_iss_validation=True,
            # Otherwise Vault would use its own pod's token and CA as soon as it runs in some cluster.
            disable_local_ca_jwt=True,
            opts=self.child(delete_before_replace=True),
        )
        return backend.path, [config]

    def _reviewer_token(self, name: str, args: KubernetesAuthArgs, account: KubernetesObject) -> pulumi.Output[str]:
        token = KubernetesObject(
            f"{name}-reviewer-token",
            SECRET,
            metadata={
                "name": reviewer_secret(args.service_account),
                "namespace": args.namespace,
                "annotations": {
                    "kubernetes.io/service-account.name": args.service_account,
                    # Replaces the built-in wait, which gives up after 5 s whatever the timeouts say.
                    "pulumi.com/waitFor": "jsonpath={.data.token}",
                },
            },
            type="kubernetes.io/service-account-token",
            opts=self.child(depends_on=[account], custom_timeouts=pulumi.CustomTimeouts(create="1m")),
        )
        return pulumi.Output.secret(token.data.apply(lambda data: from_base64(data["token"])))
