"""Somebody else's clusters and Vault in the place of the lab's: taken from the environment, looked at, left alone.

Owns the sentences about what is wrong with KUBECONFIG, VAULT_ADDR and VAULT_TOKEN.
"""

import base64
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hvac
import urllib3
import yaml
from hvac.exceptions import VaultError
from kubernetes.client.exceptions import ApiException
from requests.exceptions import RequestException

from lab.files import write_private
from lab.home import Home, LabError
from lab.kube import connect


class ExistingClusters:
    """The clusters behind the contexts of `$KUBECONFIG`."""

    def __init__(self, home: Home, contexts: Sequence[str], kubectl: Path) -> None:
        self._home = home
        self._contexts = tuple(contexts)
        self.kubeconfig = os.environ.get("KUBECONFIG", "")
        if not self.kubeconfig:
            listed = " and ".join(self._contexts)
            # The default file may well hold somebody's production: the lab takes only what it is given.
            raise LabError(
                f"KUBECONFIG is not set: without the part clusters it must name a file with the contexts {listed}."
            )
        self._entries = self._read(kubectl)

    def start_api(self) -> None:
        """Ask each API server for its version.

        Raises:
            LabError: one does not answer, or refuses.
        """
        for context in self._contexts:
            try:
                client = connect(context, self.kubeconfig, discover=False)
                client.request("get", "/version", serialize=False, _request_timeout=10)
            except (urllib3.exceptions.HTTPError, ApiException) as error:
                reason = error.reason if isinstance(error, ApiException) else str(error)
                raise LabError(
                    f"The API server {self.url(context)} of context {context!r} in KUBECONFIG does not answer "
                    f"({reason}): correct KUBECONFIG, or leave the part clusters to the lab."
                ) from error

    def start_controllers(self) -> None:
        """They run already, or the clusters would be of no use."""

    def url(self, context: str) -> str:
        """The API server."""
        return str(self._entries[context]["cluster"]["server"])

    def authority(self, context: str) -> str:
        """PEM of the authority, empty where the kubeconfig trusts the system's."""
        return base64.b64decode(self._entries[context]["cluster"].get("certificate-authority-data", "")).decode()

    def kubeconfig_of(self, context: str) -> Path:
        """A private file with this context only."""
        entry = self._entries[context]
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": entry["cluster"]}],
            "users": [{"name": context, "user": entry["user"]}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "current-context": context,
        }
        file = self._home.folder("clusters", context) / "kubeconfig"
        write_private(file, yaml.safe_dump(content).encode())
        return file

    def _read(self, kubectl: Path) -> dict[str, dict[str, Any]]:
        """Cluster and user of each context, with the files that they name put in."""
        command = [str(kubectl), "config", "view", "--raw", "--flatten", "--output=json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"KUBECONFIG={self.kubeconfig} cannot be read: {done.stderr.strip().splitlines()[-1]}.")
        config = json.loads(done.stdout)
        clusters = {entry["name"]: entry["cluster"] for entry in config.get("clusters") or []}
        users = {entry["name"]: entry["user"] for entry in config.get("users") or []}
        contexts = {entry["name"]: entry["context"] for entry in config.get("contexts") or []}
        if missing := [context for context in self._contexts if context not in contexts]:
            raise LabError(
                f"KUBECONFIG={self.kubeconfig} has no context {' and no context '.join(missing)} "
                f"(it has {', '.join(sorted(contexts)) or 'none'}): add it, or rename one with "
                "`kubectl config rename-context`."
            )
        return {
            context: {
                "cluster": clusters.get(contexts[context]["cluster"], {"server": ""}),
                "user": users.get(contexts[context].get("user", ""), {}),
            }
            for context in self._contexts
        }


class ExistingVault:
    """The Vault or OpenBao behind `$VAULT_ADDR`, `$VAULT_TOKEN` and `$VAULT_CACERT`."""

    token_file: Path | None = None

    def __init__(self) -> None:
        self.address = os.environ.get("VAULT_ADDR", "")
        self._token = os.environ.get("VAULT_TOKEN", "")
        authority = os.environ.get("VAULT_CACERT")
        self.authority = Path(authority).absolute() if authority else None
        if missing := [name for name in ("VAULT_ADDR", "VAULT_TOKEN") if not os.environ.get(name)]:
            raise LabError(
                f"{' and '.join(missing)} must be set: without the part vault the lab uses the Vault that they name."
            )

    def start(self) -> None:
        """Ask the server whether the token is good.

        Raises:
            LabError: it does not answer, is sealed, or refuses the token.
        """
        trusted = str(self.authority) if self.authority else True
        client = hvac.Client(url=self.address, token=self._token, verify=trusted)
        try:
            if client.sys.is_sealed():
                raise LabError(f"The Vault at VAULT_ADDR={self.address} is sealed: unseal it first.")
            known = client.is_authenticated()
        except (VaultError, RequestException) as error:
            raise LabError(
                f"The Vault at VAULT_ADDR={self.address} does not answer ({error}): correct VAULT_ADDR and "
                "VAULT_CACERT, or leave the part vault to the lab."
            ) from error
        if not known:
            raise LabError(
                f"The Vault at VAULT_ADDR={self.address} refuses VAULT_TOKEN: set a token that is valid there."
            )
