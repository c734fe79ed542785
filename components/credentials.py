"""Passwords, and the places in which they are kept.

A password is an encrypted value of the stack that made it, a Secret of its cluster and, for another site, a Vault
secret below that site's folder; it is no argument or variable of anything. How the other site gets it is the business
of external_secrets.py, what it opens that of the component that uses it.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import SECRET, KubernetesObject
from components.encoding import to_base64
from components.vault.secret import kv_secret

SECRET_TYPE = "kubernetes.io/basic-auth"  # noqa: S105 -- a type of Secrets
# 192 bits in 32 characters that need no quoting anywhere.
RANDOM_BYTES = 24


@dataclass(frozen=True, kw_only=True)
class PasswordArgs:
    """A password: `given`, or random if None. It stays until `rotation`, an integer >= 1, becomes another one."""

    rotation: int
    given: pulumi.Input[str] | None


@dataclass(frozen=True, kw_only=True)
class CredentialArgs:
    """A user name and password as the Secret `secret`, of the type and with the keys that Kubernetes has for them."""

    secret: str
    namespace: str
    username: str
    password: pulumi.Input[str]
    labels: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class PublishedSecretArgs:
    """Values in Vault, by field, in the folder of the standby that keeps them as the Secret `secret`."""

    folder: str
    secret: str
    vault_mount: str
    fields: dict[str, pulumi.Input[str]]


def published_path(folder: str, secret: str) -> str:
    """Path of a standby's Secret below the KV mount, inside the only folder that the standby may read."""
    return f"{folder}/{secret}"


def metadata(args: CredentialArgs) -> dict[str, Any]:
    """Of the Secret. Empty labels the server would drop, and the provider would call that a change in every run."""
    found: dict[str, Any] = {"name": args.secret, "namespace": args.namespace}
    if args.labels:
        found["labels"] = args.labels
    return found


class Password(Component):
    """A password in the state of this stack, encrypted.

    A given one is kept like a random one: only a new rotation takes another value, so that everything which must be
    told, such as a server that has to start again, follows one number.
    """

    password: pulumi.Output[str]

    def __init__(self, name: str, args: PasswordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:Password", name, opts)
        value = secrets.token_urlsafe(RANDOM_BYTES) if args.given is None else args.given
        # This one logical name may depend on a setting: nothing outside the state knows the resource, and a replacement
        # under the same name would keep its ignored input.
        stash = pulumi.Stash(
            f"{name}-{args.rotation}",
            input=pulumi.Output.secret(value),
            opts=self.child(ignore_changes=["input"]),
        )
        self.password = pulumi.Output.secret(stash.output.apply(str))
        if args.given is not None:
            pulumi.Output.all(self.password, args.given).apply(self._tell_what_waits)
        self.register_outputs({"password": self.password})

    def _tell_what_waits(self, kept_and_given: list[str]) -> None:
        kept, given = kept_and_given
        if kept != given:
            pulumi.log.warn("Another password was given. It is taken over with the next passwordRotation.", self)


class Credential(Component):
    """The Secret of a user name and password."""

    secret: pulumi.Output[str]

    def __init__(self, name: str, args: CredentialArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:Credential", name, opts)
        password = pulumi.Output.secret(args.password)
        secret = KubernetesObject(
            f"{name}-secret",
            SECRET,
            metadata=metadata(args),
            type=SECRET_TYPE,
            data={"username": to_base64(args.username), "password": password.apply(to_base64)},
            opts=self.child(),
        )
        # Known only once the Secret is there; whatever reads it comes later.
        self.secret = once(secret, args.secret)
        self.register_outputs({"secret": self.secret})


class PublishedSecret(Component):
    """A Vault secret from which a standby's External Secrets makes a Secret."""

    vault_path: pulumi.Output[str]

    def __init__(self, name: str, args: PublishedSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PublishedSecret", name, opts)
        self.vault_path = kv_secret(
            f"{name}-vault",
            mount=args.vault_mount,
            path=published_path(args.folder, args.secret),
            fields=args.fields,
            opts=self.child(),
        )
        self.register_outputs({"vaultPath": self.vault_path})
