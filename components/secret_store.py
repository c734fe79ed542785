"""The stores of External Secrets through which a namespace reads one site's Vault folder.

Only `external-secrets.io/v1` (v1beta1 is no longer served). Source of the rules:
external-secrets:apis/externalsecrets/v1/secretstore_vault_types.go. What is read through them is external_secrets.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CLUSTER_SECRET_STORE, SECRET_STORE, ExistingObject, KubernetesObject
from components.encoding import to_base64
from components.vault.names import namespace_parts

# The SecretStore of every namespace that reads Vault.
STORE = "vault-rhsi"
# Seconds for which the token of a login by JWT is good; External Secrets takes a new one for each login. No API server
# gives one for less.
TOKEN_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class StoreReference:
    """The store through which values come.

    Attributes:
        kind: `SecretStore` or `ClusterSecretStore`.
        name: known once it can be read.
        refresh_interval: how often each value is read anew, as Go writes a duration.
    """

    kind: str
    name: pulumi.Input[str]
    refresh_interval: str


@dataclass(frozen=True, kw_only=True)
class KeyOf:
    """A key of a ConfigMap or Secret in the store's namespace; no name means none."""

    kind: str
    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class VaultSecretStoreArgs:
    """A SecretStore for Vault.

    Attributes:
        store: name of the SecretStore.
        namespace: where it serves.
        address: Vault's URL as this cluster sees it.
        mount: the KV v2 mount.
        ca: PEM of the CA that signed Vault's certificate; empty means the system's own CAs, or those of `ca_provider`.
        ca_provider: where the cluster itself has that CA.
        client_certificate: where the certificate is that Vault asks for.
        client_key: where its key is.
        vault_namespace: Vault namespace, empty for none.
        auth_namespace: where the login is made, empty for the same.
        login: the method, `kubernetes` or `jwt`.
        auth_path: the cluster's auth mount, by name (`kubernetes-site-b`), never as `/v1/auth/...`.
        role: Vault role.
        service_account: whose token logs in.
        audiences: audiences of that token; empty means the API server's own.
        refresh_interval: see `StoreReference`.
        timeout: Go duration for the first successful login.
    """

    store: str
    namespace: str
    address: str
    mount: str
    login: str
    auth_path: pulumi.Input[str]
    role: pulumi.Input[str]
    service_account: pulumi.Input[str]
    ca: str
    ca_provider: KeyOf
    client_certificate: KeyOf
    client_key: KeyOf
    vault_namespace: str
    auth_namespace: str
    audiences: tuple[str, ...]
    refresh_interval: str
    timeout: str


@dataclass(frozen=True, kw_only=True)
class FoundSecretStoreArgs:
    """A store that somebody else keeps, and what it must open.

    Attributes:
        kind: `SecretStore` or `ClusterSecretStore`.
        store: its name.
        namespace: where it serves.
        mount: the KV v2 mount.
        vault_namespace: Vault namespace, empty for none.
        refresh_interval: see `StoreReference`.
    """

    kind: str
    store: str
    namespace: str
    mount: str
    vault_namespace: str
    refresh_interval: str


def store_spec(args: VaultSecretStoreArgs) -> dict[str, Any]:
    """Spec of the SecretStore; optional parts are absent, not empty."""
    auth: dict[str, Any] = {args.login: (_by_jwt if args.login == "jwt" else _by_review)(args)}
    if args.auth_namespace:
        auth["namespace"] = args.auth_namespace
    provider: dict[str, Any] = {"server": args.address, "path": args.mount, "version": "v2", "auth": auth}
    if args.vault_namespace:
        provider["namespace"] = args.vault_namespace
    if args.ca:
        provider["caBundle"] = to_base64(args.ca)
    if args.ca_provider.name:
        ca = args.ca_provider
        provider["caProvider"] = {"type": ca.kind, "name": ca.name, "key": ca.key}
    if args.client_certificate.name:
        certificate, key = args.client_certificate, args.client_key
        provider["tls"] = {
            "certSecretRef": {"name": certificate.name, "key": certificate.key},
            "keySecretRef": {"name": key.name, "key": key.key},
        }
    return {"provider": {"vault": provider}}


def _by_review(args: VaultSecretStoreArgs) -> dict[str, Any]:
    account: dict[str, Any] = {"name": args.service_account}
    if args.audiences:
        account["audiences"] = list(args.audiences)
    return {"mountPath": args.auth_path, "role": args.role, "serviceAccountRef": account}


def _by_jwt(args: VaultSecretStoreArgs) -> dict[str, Any]:
    token = {
        "serviceAccountRef": {"name": args.service_account},
        "audiences": list(args.audiences),
        "expirationSeconds": TOKEN_SECONDS,
    }
    return {"path": args.auth_path, "role": args.role, "kubernetesServiceAccountToken": token}


def store_problem(spec: Any, args: FoundSecretStoreArgs) -> str | None:
    """Why a store that exists cannot bring this environment's values, as the end of a sentence; None for a good one."""
    provider = spec.get("provider") if isinstance(spec, Mapping) else None
    vault = provider.get("vault") if isinstance(provider, Mapping) else None
    if not isinstance(vault, Mapping):
        return "reads no Vault: name one that does"
    if vault.get("version", "v2") != "v2":
        return "reads a KV mount of version 1: name one of version v2"
    if (path := vault.get("path") or "") != args.mount:
        return f"reads the mount {path!r}, and rhsi:vault.mount is {args.mount!r}: name one that reads that mount"
    namespace = str(vault.get("namespace") or "")
    if namespace_parts(namespace) != namespace_parts(args.vault_namespace):
        wanted = args.vault_namespace
        return f"reads the Vault namespace {namespace!r}, and rhsi:vault.namespace is {wanted!r}: set both to the same"
    return None


class VaultSecretStore(Component):
    """A SecretStore, awaited until its login to Vault works."""

    store: StoreReference

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
        name_once_ready = once(store, args.store)
        self.store = StoreReference(
            kind=SECRET_STORE.kind, name=name_once_ready, refresh_interval=args.refresh_interval
        )
        self.register_outputs({"store": name_once_ready})


class FoundSecretStore(Component):
    """A store that somebody else keeps: looked at in each run, never written."""

    store: StoreReference

    def __init__(self, name: str, args: FoundSecretStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component. One that reads something else fails the run with a sentence."""
        super().__init__("rhsi:index:FoundSecretStore", name, opts)
        wide = args.kind == CLUSTER_SECRET_STORE.kind
        place = args.store if wide else f"{args.namespace}/{args.store}"
        found = ExistingObject(
            f"{name}-found",
            CLUSTER_SECRET_STORE if wide else SECRET_STORE,
            object_id=place,
            opts=self.child(),
        )

        def checked(spec: Any) -> str:
            if problem := store_problem(spec, args):
                raise pulumi.RunError(f"rhsi:vault.store names {args.kind} {place}, which {problem}.")
            return args.store

        known = found.spec.apply(checked)
        self.store = StoreReference(kind=args.kind, name=known, refresh_interval=args.refresh_interval)
        self.register_outputs({"store": known})
