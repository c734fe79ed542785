"""The Kubernetes auth method: its configuration and its roles.

Source: terraform-provider-vault:vault/resource_kubernetes_auth_backend_{config,role}.go.
"""

from typing import ClassVar

from lab.pulumi.values import Properties
from lab.pulumi.vault.auth_role import AuthRole
from lab.pulumi.vault.client import VaultClient
from lab.pulumi.vault.kinds import Kind, snake


class KubernetesAuthConfig(Kind):
    """How a Kubernetes auth method reaches its cluster. It is written whole, and goes with its method."""

    replacing = ("backend",)

    def defaults(self, inputs: Properties) -> Properties:
        """The method is mounted at `kubernetes`, unless a path is given."""
        return inputs if "backend" in inputs else {**inputs, "backend": "kubernetes"}

    @staticmethod
    def _path(inputs: Properties) -> str:
        return f"auth/{str(inputs['backend']).strip('/')}/config"

    def writing(self, inputs: Properties) -> str:
        """How an error of writing begins."""
        return f'error writing Kubernetes auth backend config "{self._path(inputs)}"'

    def reading(self, id_: str) -> str:
        """How an error of reading begins."""
        return f'error reading Kubernetes auth backend config "{id_}"'

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        path = self._path(inputs)
        body: Properties = {
            "kubernetes_host": inputs["kubernetesHost"],
            "disable_iss_validation": bool(inputs.get("disableIssValidation")),
            "use_annotations_as_alias_metadata": bool(inputs.get("useAnnotationsAsAliasMetadata")),
        }
        for key in ("kubernetesCaCert", "issuer", "disableLocalCaJwt"):
            if inputs.get(key):
                body[snake(key)] = inputs[key]
        if jwt := inputs.get("tokenReviewerJwt") or inputs.get("tokenReviewerJwtWo"):
            body["token_reviewer_jwt"] = jwt
        if inputs.get("pemKeys"):
            body["pem_keys"] = ",".join(inputs["pemKeys"])
        client.write(path, body)
        return path

    def update(self, client: VaultClient, _id: str, _olds: Properties, news: Properties) -> str:
        """Write the whole configuration again; the id from now on."""
        return self.create(client, news)

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""
        answer = client.read(id_)
        if answer is None:
            return None
        names = (
            *("kubernetesCaCert", "kubernetesHost", "issuer", "disableIssValidation", "disableLocalCaJwt", "pemKeys"),
            "useAnnotationsAsAliasMetadata",
        )
        found = {name: answer["data"].get(snake(name)) for name in names}
        return {**found, "backend": state.get("backend") or id_.removeprefix("auth/").removesuffix("/config")}

    def delete(self, _client: VaultClient, _id: str, _state: Properties) -> None:
        """Nothing: the configuration goes with its method."""


class KubernetesAuthRole(AuthRole):
    """A role of a Kubernetes auth method."""

    _SETS: ClassVar[tuple[str, ...]] = (
        "boundServiceAccountNames",
        "boundServiceAccountNamespaces",
        "tokenPolicies",
        "tokenBoundCidrs",
    )
    _FIELDS: ClassVar[tuple[str, ...]] = (
        *("audience", "aliasNameSource", "boundServiceAccountNamespaceSelector", "tokenTtl", "tokenMaxTtl"),
        *("tokenExplicitMaxTtl", "tokenPeriod", "tokenNumUses", "tokenNoDefaultPolicy", "tokenType"),
    )
    unordered = _SETS
    computed = ("aliasNameSource", "tokenType")

    def defaults(self, inputs: Properties) -> Properties:
        """The method is mounted at `kubernetes`, unless a path is given."""
        return inputs if "backend" in inputs else {**inputs, "backend": "kubernetes"}

    def writing(self, inputs: Properties) -> str:
        """How an error of writing begins."""
        return f'error writing Kubernetes auth backend role "{self._path(inputs)}"'

    def reading(self, id_: str) -> str:
        """How an error of reading begins."""
        return f'error reading Kubernetes auth backend role "{id_}"'

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; what is no longer set becomes Vault's default. The id from now on."""
        cleared = {snake(name): [] if name in self._SETS else "" for name in olds if name in (*self._SETS, "audience")}
        client.write(id_, {**cleared, **self._body(news)})
        return id_
