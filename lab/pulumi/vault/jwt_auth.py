"""The JWT auth method: mount and configuration in one, and its roles.

Source: terraform-provider-vault:vault/resource_jwt_auth_backend{,_role}.go.
"""

from typing import ClassVar

from lab.pulumi.values import Properties
from lab.pulumi.vault.auth_role import AuthRole
from lab.pulumi.vault.client import VaultClient
from lab.pulumi.vault.kinds import Kind, snake
from lab.pulumi.vault.mounts import AuthBackend

_SOURCES = ("oidcDiscoveryUrl", "jwksUrl", "jwksPairs", "jwtValidationPubkeys", "providerConfig")


class JwtAuth(Kind):
    """The mount with its configuration. A new path moves it; the configuration is written whole."""

    replacing = ("type", "local")
    computed = ("accessor", "providerConfig")
    _CONFIG: ClassVar[tuple[str, ...]] = (
        *("oidcDiscoveryUrl", "oidcDiscoveryCaPem", "jwksUrl", "jwksCaPem", "jwksPairs", "jwtValidationPubkeys"),
        *("boundIssuer", "jwtSupportedAlgs", "defaultRole", "namespaceInState"),
    )

    def __init__(self) -> None:
        self._mount = AuthBackend()

    def defaults(self, inputs: Properties) -> Properties:
        """Type and path are `jwt`, unless others are given."""
        return {"type": "jwt", "path": "jwt", "namespaceInState": True, **inputs}

    def fault(self, inputs: Properties) -> str:
        """What the provider's own check refuses, "" for nothing."""
        if any(inputs.get(source) for source in _SOURCES):
            return ""
        return "exactly one of oidc_discovery_url, jwks_url, jwks_pairs, or jwt_validation_pubkeys should be provided"

    def create(self, client: VaultClient, inputs: Properties) -> str:
        """Write the new resource; its id."""
        path = self._mount.create(client, inputs)
        self._configure(client, path, {}, inputs)
        return path

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; the id from now on. Upstream leaves the description as it was."""
        path = self._mount.update(client, id_, {**olds, "description": news.get("description")}, news)
        self._configure(client, path, olds, news)
        return path

    def _configure(self, client: VaultClient, path: str, olds: Properties, news: Properties) -> None:
        cleared = {snake(key): [] if isinstance(olds[key], list) else "" for key in self._CONFIG if olds.get(key)}
        wanted = {snake(key): news[key] for key in self._CONFIG if key in news}
        client.write(f"auth/{path}/config", {**cleared, **wanted})

    def read(self, client: VaultClient, id_: str, state: Properties) -> Properties | None:
        """What Vault says about the resource, or None if the mount or its configuration is gone."""
        mount = self._mount.read(client, id_, state)
        config = client.read(f"auth/{id_}/config") if mount else None
        if mount is None or config is None:
            return None
        # Upstream does not read the description.
        del mount["description"]
        return {**mount, **{key: config["data"].get(snake(key)) for key in self._CONFIG}}

    def delete(self, client: VaultClient, id_: str, state: Properties) -> None:
        """Delete the resource, with every role in it."""
        self._mount.delete(client, id_, state)


class JwtAuthRole(AuthRole):
    """A role of a JWT auth method. What is taken out stays in Vault, but for audiences and claims."""

    replacing = ("roleName", "roleType", "backend")
    _SETS: ClassVar[tuple[str, ...]] = ("boundAudiences", "tokenPolicies", "tokenBoundCidrs", "oidcScopes")
    _FIELDS: ClassVar[tuple[str, ...]] = (
        *("roleType", "userClaim", "userClaimJsonPointer", "boundSubject", "boundClaimsType", "groupsClaim"),
        *("clockSkewLeeway", "expirationLeeway", "notBeforeLeeway", "verboseOidcLogging", "claimMappings", "maxAge"),
        *("tokenTtl", "tokenMaxTtl", "tokenExplicitMaxTtl", "tokenPeriod", "tokenNumUses", "tokenNoDefaultPolicy"),
        "tokenType",
    )
    unordered = _SETS
    computed = ("tokenType", "boundClaimsType", "clockSkewLeeway", "expirationLeeway", "notBeforeLeeway", "maxAge")

    def defaults(self, inputs: Properties) -> Properties:
        """The method is mounted at `jwt`, unless a path is given."""
        return {"backend": "jwt", **inputs}

    def writing(self, inputs: Properties) -> str:
        """How an error of writing begins."""
        return f'error writing JWT auth backend role "{self._path(inputs)}"'

    def reading(self, id_: str) -> str:
        """How an error of reading begins."""
        return f'error reading JWT auth backend role "{id_}"'

    def _body(self, inputs: Properties) -> Properties:
        claims = inputs.get("boundClaims") or {}
        parsed = {
            name: [str(value).strip()]
            if inputs.get("disableBoundClaimsParsing")
            else [part.strip() for part in str(value).split(",")]
            for name, value in claims.items()
        }
        return {**super()._body(inputs), "bound_audiences": inputs.get("boundAudiences") or [], "bound_claims": parsed}

    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties) -> str:
        """Write the changes; the id from now on."""
        cleared: Properties = {snake(name): [] for name in ("tokenPolicies", "tokenBoundCidrs") if olds.get(name)}
        client.write(id_, {**cleared, **self._body(news)})
        return id_

    def _found(self, data: Properties) -> Properties:
        claims = {
            name: ",".join(map(str, value)) if isinstance(value, list) else value
            for name, value in (data.get("bound_claims") or {}).items()
        }
        return {**super()._found(data), "boundClaims": claims}
