"""OpenBao, the Vault of the lab: a real server with TLS and a store on disk, initialised and unsealed.

Owns its configuration, the root token and the unseal key (files of mode 0600). Mounts, policies and logins are what the
program under test makes.
"""

import json
from pathlib import Path

import hvac
from hvac.exceptions import VaultError
from requests.exceptions import RequestException

from lab.certificates import Authority
from lab.files import write_private
from lab.home import LabError
from lab.servers.endpoint import Endpoint
from lab.servers.ports import LOOPBACK
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor

NAME = "openbao"
CLUSTER_PORT = "openbao-cluster"
# A sealed or new server counts as started: what to do about it comes next.
HEALTH = "/v1/sys/health?uninitcode=200&sealedcode=200"


class OpenBao:
    """The lab's Vault server."""

    def __init__(self, supervisor: Supervisor, program: Path) -> None:
        self._supervisor = supervisor
        self._program = program
        self._folder = supervisor.home.folder("vault")
        self._authority = Authority(self._folder, "vault-ca")

    @property
    def address(self) -> str:
        """VAULT_ADDR."""
        return f"https://{LOOPBACK}:{self._supervisor.ports.get(NAME)}"

    @property
    def authority(self) -> Path:
        """VAULT_CACERT."""
        return self._authority.certificate

    @property
    def token_file(self) -> Path:
        """The file with the root token."""
        return self._folder / "root-token"

    @property
    def _key_file(self) -> Path:
        return self._folder / "unseal-key"

    def start(self) -> None:
        """Start the server where it does not run, initialise it where it is new, unseal it where it is sealed.

        Raises:
            LabError: it ended while it started, or it refuses to be initialised or unsealed.
        """
        self._supervisor.ensure(self._server)
        client = hvac.Client(url=self.address, verify=str(self.authority))
        try:
            if not client.sys.is_initialized():
                secrets = client.sys.initialize(secret_shares=1, secret_threshold=1)
                write_private(self._key_file, secrets["keys_base64"][0].encode())
                write_private(self.token_file, secrets["root_token"].encode())
            if client.sys.is_sealed():
                client.sys.submit_unseal_key(self._key_file.read_text())
        except (VaultError, RequestException, FileNotFoundError) as error:
            raise LabError(
                f"OpenBao at {self.address} cannot be unsealed ({error}): forget this lab with `python -m lab down`."
            ) from error
        endpoint = Endpoint(self.address, self.authority)
        self._supervisor.wait_for("OpenBao was not unsealed", lambda: endpoint.ok("/v1/sys/health"))

    def _server(self) -> Server:
        tls = self._authority.server("openbao", (LOOPBACK, "localhost"))
        address = self.address
        cluster = f"{LOOPBACK}:{self._supervisor.ports.get(CLUSTER_PORT)}"
        listener = {
            "address": address.removeprefix("https://"),
            "cluster_address": cluster,
            "tls_cert_file": str(tls.certificate),
            "tls_key_file": str(tls.key),
        }
        # Raft with one member is OpenBao's only store that outlives the process; multiplier 1 elects it soonest.
        store = {"path": str(self._supervisor.home.folder("vault", "data")), "node_id": "lab"}
        settings = {
            "storage": {"raft": store | {"performance_multiplier": "1"}},
            "listener": [{"tcp": listener}],
            "api_addr": address,
            "cluster_addr": f"https://{cluster}",
            "ui": False,
        }
        file = self._folder / "server.json"
        file.write_text(json.dumps(settings))
        endpoint = Endpoint(address, self.authority)
        return Server(
            name=NAME,
            argv=(str(self._program), "server", f"-config={file}"),
            environ=plain_environ(),
            ready=lambda: endpoint.ok(HEALTH),
            ports=(NAME, CLUSTER_PORT),
        )
