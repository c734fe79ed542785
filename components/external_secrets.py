"""External Secrets: the store that reads one site's Vault folder, and the Secrets that it keeps in step.

Only `external-secrets.io/v1` (v1beta1 is no longer served). Does not own the Secrets themselves: the controller does.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import AWAITED_EXTERNAL_SECRET, EXTERNAL_SECRET, SECRET_STORE, KubernetesObject
from components.encoding import to_base64

VERSION_ANNOTATION = "rhsi/version"
# The SecretStore of every namespace that reads Vault.
STORE = "vault-rhsi"


@dataclass(frozen=True, kw_only=True)
class VaultSecretStoreArgs:
    """A SecretStore for Vault.

    Attributes:
        store: name of the SecretStore.
        namespace: where it serves.
        address: Vault's URL as this cluster sees it.
        mount: the KV v2 mount.
        ca: PEM of the CA that signed Vault's certificate; empty means the system's own CAs.
        vault_namespace: Vault namespace, empty for none.
        auth_path: the cluster's auth mount, by name (`kubernetes-site-b`), never as `/v1/auth/...`.
        role: Vault role.
        service_account: whose token logs in.
        audiences: audiences of that token; empty means the API server's own.
        timeout: Go duration for the first successful login.
    """

    store: str
    namespace: str
    address: str
    mount: str
    auth_path: pulumi.Input[str]
    role: pulumi.Input[str]
    service_account: pulumi.Input[str]
    ca: str
    vault_namespace: str
    audiences: tuple[str, ...]
    timeout: str


@dataclass(frozen=True, kw_only=True)
class SyncedSecretArgs:
    """A Vault secret, kept as a Kubernetes Secret of the same name as the ExternalSecret.

    Attributes:
        secret: that name.
        namespace: of both.
        store: name of the SecretStore.
        path: of the Vault secret below the store's mount.
        version: any text that changes with the value: a changed annotation makes External Secrets read at once.
        type: type of the Secret, empty for Opaque.
        data: its keys, as templates of the Vault secret's fields (`{{ .password }}`); empty means these fields.
        labels: of the Secret.
        awaited: whether `up` waits until the Secret is there (not until a later value is).
    """

    secret: str
    namespace: str
    store: pulumi.Input[str]
    path: pulumi.Input[str]
    version: pulumi.Input[str]
    type: str
    data: dict[str, str]
    labels: dict[str, str]
    awaited: bool


def store_spec(args: VaultSecretStoreArgs) -> dict[str, Any]:
    """Spec of the SecretStore; optional parts are absent, not empty."""
    account: dict[str, Any] = {"name": args.service_account}
    if args.audiences:
        account["audiences"] = list(args.audiences)
    provider: dict[str, Any] = {
        "server": args.address,
        "path": args.mount,
        "version": "v2",
        "auth": {"kubernetes": {"mountPath": args.auth_path, "role": args.role, "serviceAccountRef": account}},
    }
    if args.vault_namespace:
        provider["namespace"] = args.vault_namespace
    if args.ca:
        provider["caBundle"] = to_base64(args.ca)
    return {"provider": {"vault": provider}}


def external_secret_spec(args: SyncedSecretArgs) -> dict[str, Any]:
    """Spec of the ExternalSecret: the whole Vault secret; the Secret goes together with the ExternalSecret."""
    target: dict[str, Any] = {"name": args.secret, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    template: dict[str, Any] = {"type": args.type} if args.type else {}
    if args.data:
        template["data"] = args.data
    if args.labels:
        template["metadata"] = {"labels": args.labels}
    if template:
        target["template"] = {"engineVersion": "v2", **template}
    return {
        "refreshPolicy": "Periodic",
        # In the form in which the controller writes it back: any other one shows as drift and conflicts with it.
        "refreshInterval": "1h0m0s",
        "secretStoreRef": {"kind": "SecretStore", "name": args.store},
        "target": target,
        "dataFrom": [{"extract": {"key": args.path}}],
    }


class VaultSecretStore(Component):
    """A SecretStore, awaited until its login to Vault works."""

    store: pulumi.Output[str]

    def __init__(self, name: str, args: VaultSecretStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:VaultSecretStore", name, opts)
        store = KubernetesObject(
            f"{name}-store",
            SECRET_STORE,
            metadata={"name": args.store, "namespace": args.namespace},
            spec=store_spec(args),
            timeout=args.timeout,
            opts=self.child(),
        )
        self.store = once(store, args.store)
        self.register_outputs({"store": self.store})


class SyncedSecret(Component):
    """An ExternalSecret. It is not awaited unless asked: whoever needs the Secret says what is wrong with it."""

    secret: pulumi.Output[str]

    def __init__(self, name: str, args: SyncedSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:SyncedSecret", name, opts)
        external = KubernetesObject(
            f"{name}-external-secret",
            AWAITED_EXTERNAL_SECRET if args.awaited else EXTERNAL_SECRET,
            metadata={
                "name": args.secret,
                "namespace": args.namespace,
                "annotations": {VERSION_ANNOTATION: args.version},
            },
            spec=external_secret_spec(args),
            opts=self.child(),
        )
        self.secret = once(external, args.secret)
        self.register_outputs({"secret": self.secret})
