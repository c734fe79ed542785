"""Credentials for a container registry as the Secret that pulls images, made of a token.

Owns the form, a dockerconfigjson; also as a template for External Secrets, where Vault has the token. Clusters name
such a Secret themselves because the operator copies its own into their namespace once and never renews it
(cloudnative-pg:internal/controller/cluster_create.go).
"""

import json
from dataclasses import dataclass

import pulumi

from components.component import Component, once
from components.custom_resource import SECRET, KubernetesObject
from components.encoding import to_base64
from components.vault.secret import kv_secret

SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 -- a type of Secrets
KEY = ".dockerconfigjson"
# What EDB's operator is pulled with, in its own namespace; its ClusterServiceVersion names it.
OPERATOR_PULL_SECRET = "postgresql-operator-pull-secret"  # noqa: S105 -- a name
# Path in Vault of EDB's token, which all sites of an environment share.
TOKEN_PATH = "edb-repos2"  # noqa: S105 -- a path, no secret
# The field of the Vault secret that the template reads.
TOKEN = "token"  # noqa: S105 -- the name of a field, no secret


@dataclass(frozen=True, kw_only=True)
class PullSecretArgs:
    """A pull secret made of a token that this stack knows."""

    secret: str
    namespace: str
    server: str
    user: str
    token: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class PublishedTokenArgs:
    """A registry's token in Vault, in the field `token` at `path` below the KV v2 mount."""

    vault_mount: str
    path: str
    token: pulumi.Input[str]


def docker_config(server: str, user: str, token: str) -> str:
    """The file that container runtimes read."""
    auth = to_base64(f"{user}:{token}")
    return json.dumps({"auths": {server: {"username": user, "password": token, "auth": auth}}})


def docker_config_template(server: str, user: str) -> str:
    """The same file as a template of External Secrets for a Vault secret with the field `token`."""
    auth = '{{ printf "%s:%s" ' + json.dumps(user) + " .token | b64enc }}"
    entry = f'{{"username": {json.dumps(user)}, "password": {{{{ .token | toJson }}}}, "auth": "{auth}"}}'
    return f'{{"auths": {{{json.dumps(server)}: {entry}}}}}'


class PullSecret(Component):
    """The Secret."""

    secret: pulumi.Output[str]

    def __init__(self, name: str, args: PullSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PullSecret", name, opts)
        config = pulumi.Output.secret(args.token).apply(lambda token: docker_config(args.server, args.user, token))
        secret = KubernetesObject(
            f"{name}-secret",
            SECRET,
            metadata={"name": args.secret, "namespace": args.namespace},
            type=SECRET_TYPE,
            data={KEY: config.apply(to_base64)},
            opts=self.child(),
        )
        self.secret = once(secret, args.secret)
        self.register_outputs({"secret": self.secret})


class PublishedToken(Component):
    """The Vault secret from which other sites make their pull secrets."""

    vault_path: pulumi.Output[str]

    def __init__(self, name: str, args: PublishedTokenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PublishedToken", name, opts)
        self.vault_path = kv_secret(
            f"{name}-vault",
            mount=args.vault_mount,
            path=args.path,
            fields={TOKEN: pulumi.Output.secret(args.token)},
            opts=self.child(),
        )
        self.register_outputs({"vaultPath": self.vault_path})
