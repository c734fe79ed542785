"""Talking to Vault: address, token and certificates from the provider's inputs or the environment.

Nothing is contacted before the first request. Source: terraform-provider-vault:internal/provider/meta.go (order of the
sources, child token), util/util.go (patience with a new mount), vault/api:client.go (retries), response.go (words).
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.pulumi import unanswered
from lab.pulumi.lazy import load
from lab.pulumi.values import Properties, reveal

# A fresh KV v2 mount answers 400 while it upgrades.
_TRIES = 60
_PAUSE = 0.5
# What Vault may answer otherwise a second later: overloaded, sealed, standby, not caught up with a write.
_PASSING = frozenset({412, 429, 500, 502, 503, 504})
_PAUSES = (1.0, 1.5)


class VaultError(Exception):
    """Vault refused; `status` is the HTTP code, 0 if there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoClientError(VaultError):
    """Nothing can be asked of Vault: an address or a token is missing, or the token's first use failed."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class _PassingError(VaultError):
    """Another attempt may succeed."""


@dataclass(frozen=True)
class Settings:
    """What the provider's arguments say; the environment fills in what they leave out."""

    address: str
    token: str
    namespace: str
    ca_file: str
    skip_verify: bool
    skip_child_token: bool
    namespace_from_token: bool
    child_seconds: int

    @classmethod
    def of(cls, inputs: Properties) -> "Settings":
        """The settings in a provider resource's inputs."""
        plain = reveal(inputs)

        def text(key: str, variable: str) -> str:
            return str(plain.get(key) or os.environ.get(variable) or "")

        def flag(key: str, variable: str, default: str = "") -> bool:
            return str(plain[key] if key in plain else os.environ.get(variable) or default).lower() in ("true", "1")

        helper = Path.home() / ".vault-token"
        token = text("token", "VAULT_TOKEN")
        return cls(
            address=text("address", "VAULT_ADDR").rstrip("/"),
            token=token or (helper.read_text(encoding="utf-8").strip() if helper.is_file() else ""),
            namespace=text("namespace", "VAULT_NAMESPACE"),
            ca_file=text("caCertFile", "VAULT_CACERT"),
            skip_verify=flag("skipTlsVerify", "VAULT_SKIP_VERIFY"),
            skip_child_token=flag("skipChildToken", "TERRAFORM_VAULT_SKIP_CHILD_TOKEN"),
            namespace_from_token=flag("setNamespaceFromToken", "VAULT_SET_NAMESPACE_FROM_TOKEN", "true"),
            child_seconds=int(float(text("maxLeaseTtlSeconds", "TERRAFORM_VAULT_MAX_TTL") or 1200)),
        )


class VaultClient:
    """One Vault, with one token."""

    def __init__(self, settings: Settings, cancelled: threading.Event) -> None:
        self._settings = settings
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._adapter: Any = None

    def _connected(self) -> Any:
        with self._lock:
            if self._adapter is None:
                self._adapter = self._connect()
            return self._adapter

    def _connect(self) -> Any:
        chosen = self._settings
        if not chosen.address:
            raise NoClientError("failed to configure Vault address")
        if not chosen.token:
            raise NoClientError("no vault token set on Client")
        verify = False if chosen.skip_verify else chosen.ca_file or True
        if isinstance(verify, str) and not Path(verify).is_file():
            raise NoClientError(f"failed to configure TLS for Vault API: no file {verify} (VAULT_CACERT)")
        adapter = load("hvac.adapters").RawAdapter(
            base_uri=chosen.address, token=chosen.token, verify=verify, timeout=60
        )
        try:
            token = self._send(adapter, "GET", "auth/token/lookup-self", None)
        except VaultError as error:
            raise NoClientError(f"failed to lookup token, err={error}") from error
        if not chosen.skip_child_token:
            lifetime = f"{chosen.child_seconds}s"
            request = {"display_name": "terraform", "ttl": lifetime, "explicit_max_ttl": lifetime, "renewable": False}
            try:
                child = self._send(adapter, "POST", "auth/token/create", request)
            except VaultError as error:
                raise NoClientError(f"failed to create limited child token: {error}") from error
            adapter.token = child["auth"]["client_token"]
        own = str(token["data"].get("namespace_path") or "").strip("/") if chosen.namespace_from_token else ""
        adapter.namespace = chosen.namespace or own or None
        return adapter

    def _send(self, adapter: Any, method: str, path: str, body: Properties | None) -> Properties:
        """Ask, and ask twice more where Vault may only be away for a moment."""
        for pause in _PAUSES:
            try:
                return self._once(adapter, method, path, body)
            except _PassingError:
                self._cancelled.wait(pause)
        return self._once(adapter, method, path, body)

    def _once(self, adapter: Any, method: str, path: str, body: Properties | None) -> Properties:
        url = f"{self._settings.address}/v1/{path}"
        failure = load("requests.exceptions").RequestException
        try:
            response = adapter.request(method, f"/v1/{path}", json=body, raise_exception=False)
        except failure as error:
            kind = VaultError if unanswered.is_distrust(error) else _PassingError
            raise kind(0, unanswered.sentence(method, url, error)) from error
        if response.ok:
            return dict(response.json()) if response.content else {}
        try:
            answer = response.json()
        except ValueError:
            answer = {"errors": [response.text]}
        if response.status_code == 404 and answer.get("data"):
            # A deleted version of a KV v2 secret: absent, but with its metadata.
            return dict(answer)
        lines = "".join(f"* {text}" for text in answer.get("errors") or [])
        kind = _PassingError if response.status_code in _PASSING else VaultError
        raise kind(
            response.status_code,
            f"Error making API request.\n\nURL: {method} {url}\nCode: {response.status_code}. Errors:\n\n{lines}",
        )

    def read(self, path: str) -> Properties | None:
        """What is at the path, or None.

        Raises:
            VaultError: Vault refused.
        """
        try:
            return self._send(self._connected(), "GET", path, None)
        except VaultError as error:
            if error.status == 404:
                return None
            raise

    def write(self, path: str, body: Properties, method: str = "PUT") -> Properties:
        """Write to the path.

        Raises:
            VaultError: Vault refused.
        """
        return self._send(self._connected(), method, path, body)

    def write_patiently(self, path: str, body: Properties) -> Properties:
        """As `write`, but an answer of 400 is tried again for half a minute.

        Raises:
            VaultError: Vault refused.
        """
        adapter = self._connected()
        for attempt in range(_TRIES + 1):
            try:
                return self._send(adapter, "PUT", path, body)
            except VaultError as error:
                if error.status != 400 or attempt == _TRIES or self._cancelled.wait(_PAUSE):
                    raise VaultError(error.status, f'error writing to path "{path}", err={error}') from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def delete(self, path: str, *, missing_ok: bool = True) -> None:
        """Delete what is at the path; nothing there, not even a mount, is fine unless `missing_ok` says otherwise.

        Raises:
            VaultError: Vault refused.
        """
        try:
            self._send(self._connected(), "DELETE", path, None)
        except VaultError as error:
            if error.status != 404 or not missing_ok:
                raise
