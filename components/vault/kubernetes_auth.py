"""The way into Vault for one cluster's service accounts: auth mount, policy and role, and the accounts themselves.

Written for Vault and OpenBao alike. What they may read is written by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_vault as vault
from pulumi_vault import kubernetes as vault_kubernetes

from components.component import Component, once
from components.custom_resource import CLUSTER_ROLE_BINDING, SECRET, SERVICE_ACCOUNT, KubernetesObject
from components.encoding import from_base64
from components.last_resort import worded
from components.owner import OwnerError
from components.vault.reading import is_absent

TOKEN_TTL_SECONDS = 3600
# The account of every namespace that reads Vault.
READER_ACCOUNT = "rhsi-vault-reader"


@dataclass(frozen=True, kw_only=True)
class KubernetesAuthArgs:
    """A cluster's login to Vault.

    Attributes:
        site: whose cluster it is, for the mount's description.
        policy: name of policy and role.
        folder: what they may read, below the mount.
        shared: paths of single secrets that they may read besides, below the mount.
        namespace: of the service account.
        other_namespaces: where an account of the same name may log in too; see `ReaderAccount`.
        service_account: the account that logs in.
        auth_path: the auth mount, one for each cluster.
        manage_auth: whether mount and configuration are this stack's; policy and role always are.
        api_server: URL of the cluster's API server as Vault reaches it.
        api_server_ca: PEM.
        kv_mount: the KV v2 mount.
        reviewer: `client`: the client's own token asks for the review, nothing expires; `token`: a long-lived
            service-account token does.
        audiences: audiences of the client's token; empty means the API server's own.
        api_audience: the API server's audience, which the list then holds too.
    """

    site: str
    policy: str
    folder: str
    namespace: str
    service_account: str
    auth_path: str
    api_server: str
    api_server_ca: pulumi.Input[str]
    kv_mount: str
    shared: tuple[str, ...]
    other_namespaces: tuple[str, ...]
    manage_auth: bool
    reviewer: str
    audiences: tuple[str, ...]
    api_audience: str


@dataclass(frozen=True, kw_only=True)
class ReaderAccountArgs:
    """A service account that may log in to Vault, in a namespace of its own."""

    namespace: str
    service_account: str


def policy_hcl(kv_mount: str, folder: str, shared: Sequence[str] = ()) -> str:
    """The site's policy: read the values below its own folder and what it shares with others, nothing else."""
    paths = [f"{folder}/*", *shared]
    return "\n".join(f'path "{kv_mount}/data/{path}" {{\n  capabilities = ["read"]\n}}\n' for path in paths)


def policy_refusal(args: KubernetesAuthArgs) -> str:
    """Why a policy of this name cannot be made where there is one."""
    return (
        f"Policy {args.policy} in Vault exists already: another stack is the standby {args.site} of this mount, "
        "or was, or a run of this one was killed while it made the policy. Nothing was written. Give this site another "
        "name (rhsi:site), or its environment another rhsi:vault.mount or rhsi:vault.prefix. If no other stack has it, "
        f"`vault policy delete {args.policy}`, then run this again."
    )


def role_audience(args: KubernetesAuthArgs) -> str | None:
    """The audience that the role demands: the first that is Vault's own, else the API server's, else none."""
    own = [audience for audience in args.audiences if audience != args.api_audience]
    return next(iter([*own, *args.audiences]), None)


def reviewer_secret(service_account: str) -> str:
    """Secret with the long-lived token of an account."""
    return f"{service_account}-token"


def delegator_binding_name(service_account: str, namespace: str) -> str:
    """Cluster-scoped, so it carries the namespace: several standbys may share a cluster."""
    return f"{service_account}-{namespace}-auth-delegator"


def reader_account(
    component: Component, name: str, service_account: str, namespace: str
) -> tuple[KubernetesObject, KubernetesObject]:
    """The account, and its right to ask the API server for the review of its own token."""
    account = KubernetesObject(
        f"{name}-reader",
        SERVICE_ACCOUNT,
        metadata={"name": service_account, "namespace": namespace},
        opts=component.child(),
    )
    binding = KubernetesObject(
        f"{name}-delegator",
        CLUSTER_ROLE_BINDING,
        metadata={"name": delegator_binding_name(service_account, namespace)},
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        subjects=[{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
        opts=component.child(depends_on=[account]),
    )
    return account, binding


class ReaderAccount(Component):
    """A second account of a cluster that is known to Vault already; the role there must name its namespace."""

    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: ReaderAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:ReaderAccount", name, opts)
        _, binding = reader_account(self, name, args.service_account, args.namespace)
        # Known only once a login can succeed.
        self.service_account = once(binding, args.service_account)
        self.register_outputs({"serviceAccount": self.service_account})


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
        self._args = args
        account, binding = reader_account(self, name, args.service_account, args.namespace)
        # Vault writes a policy over another one without a word. It comes first, for it tells whose the site is.
        looking = pulumi.ResourceHook(f"{name}-look", worded(self._look), pulumi.ResourceHookOptions(on_dry_run=True))
        policy = vault.Policy(
            f"{name}-policy",
            name=args.policy,
            policy=policy_hcl(args.kv_mount, args.folder, args.shared),
            opts=self.child(delete_before_replace=True, hooks=pulumi.ResourceHookBinding(before_create=[looking])),
        )
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

    async def _look(self, _: pulumi.ResourceHookArgs) -> None:
        if not await is_absent(f"sys/policies/acl/{self._args.policy}", self):
            raise OwnerError(policy_refusal(self._args))

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
