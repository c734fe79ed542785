"""Talking to Vault: address, token and certificates from the provider's inputs or the environment.

Nothing is contacted before the first request. Source: terraform-provider-vault:internal/provider/meta.go (order of the
sources, child token), util/util.go (retries), vault/api:response.go (words).
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engine.providers.base import ProviderError
from lab.engine.providers.lazy import load
from lab.engine.values import Properties, reveal

# A fresh KV v2 mount answers 400 while it upgrades.
_TRIES = 60
_PAUSE = 0.5


class VaultError(Exception):
    """Vault refused; `status` is the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Settings:
    """What the provider's arguments say; the environment fills in what they leave out."""

    address: str
    token: str
    namespace: str
    ca_file: str
    skip_verify: bool
    skip_child_token: bool
    child_seconds: int

    @classmethod
    def of(cls, inputs: Properties) -> "Settings":
        """The settings in a provider resource's inputs."""
        plain = reveal(inputs)

        def text(key: str, variable: str) -> str:
            return str(plain.get(key) or os.environ.get(variable) or "")

        def flag(key: str, variable: str) -> bool:
            return str(plain[key] if key in plain else os.environ.get(variable, "")).lower() in ("true", "1")

        helper = Path.home() / ".vault-token"
        token = text("token", "VAULT_TOKEN")
        return cls(
            address=text("address", "VAULT_ADDR").rstrip("/"),
            token=token or (helper.read_text(encoding="utf-8").strip() if helper.is_file() else ""),
            namespace=text("namespace", "VAULT_NAMESPACE"),
            ca_file=text("caCertFile", "VAULT_CACERT"),
            skip_verify=flag("skipTlsVerify", "VAULT_SKIP_VERIFY"),
            skip_child_token=flag("skipChildToken", "TERRAFORM_VAULT_SKIP_CHILD_TOKEN"),
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
            raise ProviderError("failed to configure Vault address")
        if not chosen.token:
            raise ProviderError("no vault token set on Client")
        verify = False if chosen.skip_verify else chosen.ca_file or True
        if isinstance(verify, str) and not Path(verify).is_file():
            raise ProviderError(f"failed to configure TLS for Vault API: no file {verify} (VAULT_CACERT)")
        adapter = load("hvac.adapters").RawAdapter(
            base_uri=chosen.address, token=chosen.token, verify=verify, timeout=60
        )
        try:
            self._send(adapter, "GET", "auth/token/lookup-self", None)
        except VaultError as error:
            raise ProviderError(f"failed to lookup token, err={error}") from error
        if not chosen.skip_child_token:
            lifetime = f"{chosen.child_seconds}s"
            request = {"display_name": "terraform", "ttl": lifetime, "explicit_max_ttl": lifetime, "renewable": False}
            try:
                child = self._send(adapter, "POST", "auth/token/create", request)
            except VaultError as error:
                raise ProviderError(f"failed to create limited child token: {error}") from error
            adapter.token = child["auth"]["client_token"]
        adapter.namespace = chosen.namespace or None
        return adapter

    def _send(self, adapter: Any, method: str, path: str, body: Properties | None) -> Properties:
        failure = load("requests.exceptions").RequestException
        try:
            response = adapter.request(method, f"/v1/{path}", json=body, raise_exception=False)
        except failure as error:
            raise VaultError(0, f"{method} {self._settings.address}/v1/{path}: {error}") from error
        if response.ok:
            return dict(response.json()) if response.content else {}
        try:
            answer = response.json()
        except ValueError:
            answer = {"errors": [response.text]}
        if response.status_code == 404 and answer.get("data"):
            # A deleted version of a KV v2 secret: absent, but with its metadata.
            return dict(answer)
        errors = [str(text) for text in answer.get("errors") or []]
        lines = "\n".join(f"* {text}" for text in errors)
        raise VaultError(
            response.status_code,
            f"Error making API request.\n\nURL: {method} {self._settings.address}/v1/{path}\n"
            f"Code: {response.status_code}. Errors:\n\n{lines}",
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
        for attempt in range(_TRIES + 1):
            try:
                return self.write(path, body)
            except VaultError as error:
                if error.status != 400 or attempt == _TRIES or self._cancelled.wait(_PAUSE):
                    raise VaultError(error.status, f'error writing to path "{path}", err={error}') from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def delete(self, path: str) -> None:
        """Delete what is at the path; nothing there is fine.

        Raises:
            VaultError: Vault refused.
        """
        try:
            self._send(self._connected(), "DELETE", path, None)
        except VaultError as error:
            if error.status != 404:
                raise
