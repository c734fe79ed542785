"""Vault as the program reaches it, for looking: VAULT_ADDR or `rhsi:vault.address`, the token from VAULT_TOKEN only.

Owns the connection, its deadline and the sentences about a Vault that does not answer. Written for Vault and OpenBao.
No method changes anything in Vault; the one POST asks what the token may do.
"""

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import hvac
import requests
from hvac.adapters import RawAdapter

from components.settings import Settings
from ops.clusters import ClockReading

SECONDS = 5.0
"""For one request."""


# What the library puts before the reason.
_CONNECTION = re.compile(r"^\w*Connection(Pool)?\([^)]*\): ")


class VaultError(Exception):
    """A request without a usable answer, in one sentence. `refused` says that Vault answered: the token may not."""

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


class Vault:
    """One Vault, seen from one of its namespaces."""

    def __init__(
        self, address: str, namespace: str, environment: Mapping[str, str], *, seconds: float = SECONDS
    ) -> None:
        """Nothing is sent.

        Args:
            address: Vault's URL where VAULT_ADDR is not set.
            namespace: Vault namespace; empty for the one above all others.
            environment: whose VAULT_ADDR, VAULT_TOKEN, VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT and
                VAULT_CLIENT_KEY count, as in the provider; without the two for authorities, the machine's count.
            seconds: for each request.
        """
        self.address = environment.get("VAULT_ADDR") or address
        self.namespace = namespace
        self.has_token = bool(environment.get("VAULT_TOKEN"))
        self.clock: ClockReading | None = None
        certificate, key = environment.get("VAULT_CLIENT_CERT"), environment.get("VAULT_CLIENT_KEY")
        client = hvac.Client(
            url=self.address,
            # Never None: the client would look for a file in the home folder.
            token=environment.get("VAULT_TOKEN", ""),
            verify=environment.get("VAULT_CACERT") or environment.get("VAULT_CAPATH") or _authorities(),
            cert=(certificate, key) if certificate and key else None,
            namespace=namespace,
            timeout=seconds,
            adapter=RawAdapter,
        )
        self._adapter = client.adapter
        # Vault Enterprise answers for itself above all namespaces only
        # (https://developer.hashicorp.com/vault/docs/enterprise/namespaces#restricted-api-endpoints).
        self._above = RawAdapter.from_adapter(client.adapter)
        self._above.namespace = None

    def health(self) -> dict[str, Any]:
        """`initialized`, `sealed`, `standby`, `version`: needs no token.

        Raises:
            VaultError: no answer.
        """
        # Vault tells its state by the status too; each of them has the same document.
        return self._json(self._send("GET", "/v1/sys/health", self._above), "sys/health")

    def token(self) -> dict[str, Any]:
        """What Vault says of the token: `ttl` and `creation_ttl` in seconds (0: for ever), `policies`, `renewable`.

        Raises:
            VaultError: no answer, or no valid token.
        """
        return self.read("auth/token/lookup-self") or {}

    def capabilities(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """What the token may do on each of these paths; needs Vault's own default policy only.

        Raises:
            VaultError: as `read`.
        """
        wanted = list(paths)
        path = "sys/capabilities-self"
        found = self._answer(self._send("POST", f"/v1/{path}", json={"paths": wanted}), path) or {}
        listed = found.get("data") or found
        return {one: [str(capability) for capability in listed.get(one) or []] for one in wanted}

    def read(self, path: str) -> dict[str, Any] | None:
        """The `data` at a path of the API; None where there is none (404).

        Raises:
            VaultError: no answer, or a refusal.
        """
        found = self._answer(self._send("GET", f"/v1/{path}"), path)
        return None if found is None else dict(found.get("data") or {})

    def mount(self, path: str) -> dict[str, Any] | None:
        """What Vault says of the KV mount that a path lies in: `path`, `type`, `options`.

        None where there is no such mount, or the token has no right in it: Vault tells these two apart for nobody.

        Raises:
            VaultError: no answer.
        """
        try:
            return self.read(f"sys/internal/ui/mounts/{path}")
        except VaultError as error:
            if error.refused:
                return None
            raise

    def _send(self, method: str, url: str, adapter: Any = None, **arguments: Any) -> requests.Response:
        sent = time.time()
        try:
            answer: requests.Response = (adapter or self._adapter).request(
                method, url, raise_exception=False, **arguments
            )
        except (requests.RequestException, OSError) as error:
            raise VaultError(f"Vault at {self.address} does not answer: {_words(error)}.") from error
        try:
            server = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
        except ValueError:
            return answer
        self.clock = ClockReading(server, (sent + time.time()) / 2)
        return answer

    def _answer(self, answer: requests.Response, path: str) -> dict[str, Any] | None:
        if answer.status_code == 404:
            return None
        if answer.ok:
            return self._json(answer, path)
        try:
            said = " ".join(word for one in answer.json().get("errors") or [] for word in str(one).split())
        except (ValueError, AttributeError):
            said = ""
        if answer.status_code in (401, 403):
            raise VaultError(f"Vault refuses {path}: {said or 'permission denied'}.", refused=True)
        raise VaultError(f"Vault answers {path} with {answer.status_code}: {said or 'no reason'}.")

    def _json(self, answer: requests.Response, path: str) -> dict[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise VaultError(f"What answers at {self.address} is no Vault: {path} has no JSON.")
        return found


def kv_vault(settings: Settings, environment: Mapping[str, str]) -> Vault:
    """Vault as the program writes secrets: in the namespace of the KV mount."""
    return Vault(settings.vault.address, settings.vault.namespace, environment)


def login_vault(settings: Settings, environment: Mapping[str, str]) -> Vault:
    """Vault as the program makes the way in: in `rhsi:vault.authNamespace`, where there is one."""
    return Vault(settings.vault.address, settings.vault.auth_namespace or settings.vault.namespace, environment)


def _authorities() -> str | bool:
    """Those of the machine, as the provider trusts them; the client's own list has no company's authority in it."""
    known = ssl.get_default_verify_paths()
    return known.cafile or known.capath or True


def _words(error: Exception) -> str:
    """What went wrong, on one line: the innermost reason that the client libraries wrap."""
    inner: Any = error
    while getattr(inner, "args", None) and isinstance(inner.args[0], Exception):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None) or inner
    text = " ".join(str(reason).split()).rstrip(".")
    return _CONNECTION.sub("", text) or type(error).__name__
