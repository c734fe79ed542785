"""Credentials for a container registry as the Secret that pulls images, made of a token.

Owns the form, a dockerconfigjson; also as a template for External Secrets, where Vault has the token. Clusters name
such a Secret because the operator makes its own copy of its pull secret once and never renews it (facts: cnpg.md, 8).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret
from pulumi_vault.kv import SecretV2

from components.component import Args, Component

SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 -- a type of Secrets
KEY = ".dockerconfigjson"
# Path in Vault of EDB's token, which all sites share.
TOKEN_PATH = "edb-repos2"  # noqa: S105 -- a path, no secret
# The field of the Vault secret that the template reads.
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
class PublishedTokenArgs(Args):
    """A registry's token in Vault, in the field `token` at `path` below the KV v2 mount."""

    vault_mount: str
    path: str
    token: pulumi.Input[str]


def docker_config(server: str, user: str, token: str) -> str:
    """The file that container runtimes read."""
    auth = base64.b64encode(f"{user}:{token}".encode()).decode()
    return json.dumps({"auths": {server: {"username": user, "password": token, "auth": auth}}})


def docker_config_template(server: str, user: str) -> str:
    """The same file as a template of External Secrets for a Vault secret with the field `token`."""
    auth = '{{ printf "%s:%s" ' + json.dumps(user) + " .token | b64enc }}"
    entry = f'{{"username": {json.dumps(user)}, "password": {{{{ .token | toJson }}}}, "auth": "{auth}"}}'
    return f'{{"auths": {{{json.dumps(server)}: {entry}}}}}'


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
            type=SECRET_TYPE,
            data={KEY: config.apply(lambda text: base64.b64encode(text.encode()).decode())},
            opts=self.child(),
        )
        self.secret = pulumi.Output.unsecret(secret.id.apply(lambda _: args.secret))
        self.register_outputs({"secret": self.secret})


class PublishedToken(Component):
    """The Vault secret from which other sites make their pull secrets."""

    vault_path: pulumi.Output[str]

    def __init__(
        self, name: str, args: PublishedTokenArgs | Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the component."""
        args = PublishedTokenArgs.of(args)
        super().__init__(name, opts)
        secret = SecretV2(
            f"{name}-vault",
            mount=args.vault_mount,
            name=args.path,
            data_json=pulumi.Output.json_dumps({TOKEN: pulumi.Output.secret(args.token)}),
            delete_all_versions=True,
            opts=self.child(delete_before_replace=True),
        )
        self.vault_path = secret.id.apply(lambda _: args.path)
        self.register_outputs({"vaultPath": self.vault_path})
