"""The vault provider: what is common to all kinds.

A preview contacts nothing: inputs are known, everything else is not. Source: pulumi-terraform-bridge (inputs, secrets).
"""

import secrets
import threading
from typing import Any

from lab.pulumi import urn as urns
from lab.pulumi.compare import differences
from lab.pulumi.provider import CheckResult, Diff, ProviderError, Reading, Request
from lab.pulumi.values import UNKNOWN, Properties, has_secret, has_unknown, reveal, secret
from lab.pulumi.vault import functions
from lab.pulumi.vault.client import NoClientError, Settings, VaultClient, VaultError
from lab.pulumi.vault.jwt_auth import JwtAuth, JwtAuthRole
from lab.pulumi.vault.kinds import Kind
from lab.pulumi.vault.kubernetes_auth import KubernetesAuthConfig, KubernetesAuthRole
from lab.pulumi.vault.kv import SecretBackendV2, SecretV2
from lab.pulumi.vault.mounts import AuthBackend, Mount, Policy

_KINDS: dict[str, Kind] = {
    "vault:index/mount:Mount": Mount(),
    "vault:index/authBackend:AuthBackend": AuthBackend(),
    "vault:index/policy:Policy": Policy(),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": KubernetesAuthConfig(),
    "vault:kubernetes/authBackendRole:AuthBackendRole": KubernetesAuthRole(),
    "vault:jwt/authBackend:AuthBackend": JwtAuth(),
    "vault:jwt/authBackendRole:AuthBackendRole": JwtAuthRole(),
    "vault:kv/secretV2:SecretV2": SecretV2(),
    "vault:kv/secretBackendV2:SecretBackendV2": SecretBackendV2(),
}
_FUNCTIONS = {
    "vault:kv/getSecret:getSecret": functions.read_path,
    "vault:kv/getSecretV2:getSecretV2": functions.read_secret_v2,
    "vault:kv/getSecretsListV2:getSecretsListV2": functions.list_secrets_v2,
}


class VaultProvider:
    """One configured provider."""

    def __init__(self, inputs: Properties) -> None:
        self._cancelled = threading.Event()
        self._client = VaultClient(Settings.of(inputs), self._cancelled)

    def cancel(self) -> None:
        """Let retries end."""
        self._cancelled.set()

    def check(self, request: Request) -> CheckResult:
        """Fill in defaults and a made-up name."""
        kind = _kind(request)
        inputs = kind.defaults(request.news)
        if kind.named and "name" not in inputs:
            kept = (request.olds or {}).get("name")
            inputs = {**inputs, "name": kept or f"{urns.name_of(request.urn)}-{secrets.token_hex(4)[:7]}"}
        return CheckResult(inputs)

    def diff(self, request: Request) -> Diff:
        """Compare the inputs; lists without order are compared as sets."""
        kind = _kind(request)
        detailed = {}
        for path, change in differences(_ordered(kind, request.olds or {}), _ordered(kind, request.news)).items():
            key = str(path[0])
            if key not in [ignored.split(".")[0].split("[")[0] for ignored in request.ignore_changes]:
                detailed[key] = f"{change}-replace" if key in kind.replacing else "update"
        # The bridge asks the provider's own check here, with all values known (CustomizeDiff).
        if not has_unknown(request.news) and (fault := kind.fault(reveal(request.news))):
            raise ProviderError(_refused("", VaultError(0, fault)))
        return Diff(bool(detailed), [key for key, change in detailed.items() if "replace" in change], detailed)

    def create(self, request: Request) -> tuple[str, Properties]:
        """Write the resource and read it back."""
        if request.preview:
            return "", dict(request.news)
        kind, plain = _kind(request), reveal(request.news)
        try:
            id_ = kind.create(self._client, plain)
            return id_, _outputs(request.news, kind.read(self._client, id_, plain) or {})
        except VaultError as error:
            raise ProviderError(_refused(kind.writing(plain), error)) from error

    def read(self, request: Request) -> Reading | None:
        """The resource as Vault has it; inputs that differ there are taken over."""
        kind = _kind(request)
        state = {**reveal(request.outputs), **reveal(request.olds or {})}
        try:
            found = kind.read(self._client, request.id, state)
        except VaultError as error:
            raise ProviderError(_refused(kind.reading(request.id), error)) from error
        if found is None:
            return None
        if not (request.olds or request.outputs):
            # An import knows the id alone.
            inputs = {key: value for key, value in found.items() if value and key not in kind.computed}
            return Reading(request.id, found, inputs)
        inputs = dict(request.olds or {})
        for key, value in inputs.items():
            if key in found and not _same(kind, key, reveal(value), found[key]):
                inputs[key] = secret(found[key]) if has_secret(value) else found[key]
        return Reading(request.id, _outputs({**request.outputs, **inputs}, found), inputs)

    def update(self, request: Request) -> Properties:
        """Write the changes and read the resource back."""
        kind = _kind(request)
        if request.preview:
            return {**request.outputs, **request.news}
        plain = reveal(request.news)
        try:
            id_ = kind.update(self._client, request.id, reveal(request.olds or {}), plain)
            found = kind.read(self._client, id_, plain) or {}
        except VaultError as error:
            raise ProviderError(_refused(kind.writing(plain), error)) from error
        return _outputs(request.news, found)

    def delete(self, request: Request) -> None:
        """Delete the resource."""
        try:
            _kind(request).delete(self._client, request.id, reveal(request.outputs))
        except VaultError as error:
            raise ProviderError(_refused("error deleting from Vault", error)) from error

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Call a function."""
        try:
            function = _FUNCTIONS[token]
        except KeyError:
            raise ProviderError(f"the lab's stand-in for the vault plugin knows no function {token}") from None
        try:
            return function(self._client, reveal(arguments))
        except VaultError as error:
            raise ProviderError(f"invoking {token}: {_refused('', error)}") from error


def _kind(request: Request) -> Kind:
    try:
        return _KINDS[request.type]
    except KeyError:
        raise ProviderError(
            f"the lab's stand-in for the vault plugin knows no {request.type}, only {', '.join(sorted(_KINDS))}"
        ) from None


def _refused(what: str, error: VaultError) -> str:
    """The words in which Pulumi passes on an error of the provider that it wraps."""
    said = f"{what}: {error}" if what and not isinstance(error, NoClientError) else str(error)
    return f"1 error occurred:\n\t* {said}\n\n"


def _ordered(kind: Kind, inputs: Properties) -> Properties:
    plain = reveal(inputs)
    return {
        key: sorted(value) if key in kind.unordered and isinstance(value, list) and not has_unknown(value) else value
        for key, value in plain.items()
        if value is not None
    }


def _same(kind: Kind, key: str, wanted: Any, found: Any) -> bool:
    if wanted is UNKNOWN or (not wanted and not found):
        return True
    if key in kind.unordered and isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, wanted)) == sorted(map(str, found))
    return bool(wanted == found)


def _outputs(inputs: Properties, found: Properties) -> Properties:
    """Inputs and what was read; a value read for a secret input is secret."""
    marked = {key: secret(value) if has_secret(inputs.get(key)) else value for key, value in found.items()}
    return {**inputs, **marked}
