"""Credentials for a container registry as the Secret that pulls images, from a token or kept in step with Vault.

Owns the form, a dockerconfigjson. The operator's own copy of its pull secret is made once and never renewed (facts:
cluster_create.go), so clusters name one of these.
"""

import base64
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.component import Args, Component
from components.custom_resource import EXTERNAL_SECRET, CustomObject

TYPE = "kubernetes.io/dockerconfigjson"
KEY = ".dockerconfigjson"
# The field of the Vault secret.
TOKEN = "token"  # noqa: S105 -- the name of a field, no secret


@dataclass(frozen=True, kw_only=True)
class PullSecretArgs(Args):
    """A pull secret made of a token that this stack knows."""

    secret: str
    namespace: str
    server: str
    user: str
    token: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class SyncedPullSecretArgs(Args):
    """A pull secret that External Secrets makes of the field `token` at a path in Vault."""

    secret: str
    namespace: str
    server: str
    user: str
    store: pulumi.Input[str]
    path: str


def docker_config(server: str, user: str, token: str) -> str:
    """The file that container runtimes read."""
    auth = base64.b64encode(f"{user}:{token}".encode()).decode()
    return json.dumps({"auths": {server: {"username": user, "password": token, "auth": auth}}})


def docker_config_template(server: str, user: str) -> str:
    """The same file as a template of External Secrets, which knows the token."""
    auth = '{{ printf "%s:%s" ' + json.dumps(user) + " .token | b64enc }}"
    entry = f'{{"username": {json.dumps(user)}, "password": {{{{ .token | toJson }}}}, "auth": "{auth}"}}'
    return f'{{"auths": {{{json.dumps(server)}: {entry}}}}}'


def synced_spec(args: SyncedPullSecretArgs) -> dict[str, Any]:
    """Spec of the ExternalSecret."""
    template = {"type": TYPE, "data": {KEY: docker_config_template(args.server, args.user)}}
    return {
        "refreshPolicy": "Periodic",
        "refreshInterval": "1h0m0s",
        "secretStoreRef": {"kind": "SecretStore", "name": args.store},
        "target": {
            "name": args.secret,
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": template,
        },
        "data": [{"secretKey": TOKEN, "remoteRef": {"key": args.path, "property": TOKEN}}],
    }


class PullSecret(Component):
    """The Secret."""

    secret: pulumi.Output[str]

    def __init__(
        self, name: str, args: PullSecretArgs | Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the component."""
        args = PullSecretArgs.of(args)
        super().__init__(name, opts)
        config = pulumi.Output.secret(args.token).apply(lambda token: docker_config(args.server, args.user, token))
        secret = Secret(
            f"{name}-secret",
            metadata={"name": args.secret, "namespace": args.namespace},
            type=TYPE,
            string_data={KEY: config},
            opts=self.child(),
        )
        self.secret = secret.id.apply(lambda _: args.secret)
        self.register_outputs({"secret": self.secret})


class SyncedPullSecret(Component):
    """The ExternalSecret, awaited: without its Secret no image of the cluster can be pulled."""

    secret: pulumi.Output[str]

    def __init__(
        self, name: str, args: SyncedPullSecretArgs | Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the component."""
        args = SyncedPullSecretArgs.of(args)
        super().__init__(name, opts)
        external = CustomObject(
            f"{name}-external-secret",
            dataclasses.replace(EXTERNAL_SECRET, wait_for=("condition=Ready",)),
            metadata={"name": args.secret, "namespace": args.namespace},
            spec=synced_spec(args),
            opts=self.child(),
        )
        self.secret = external.id.apply(lambda _: args.secret)
        self.register_outputs({"secret": self.secret})
