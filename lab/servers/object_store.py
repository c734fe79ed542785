"""The S3 server of the lab: moto's, in a process of its own with TLS, once a stack asks for backups.

Owns how it is started. What a stack asks for is read in lab/stacks; buckets and Secrets are made for whoever names
them (lab/stand_ins/cnpg/provisions.py).
"""

from lab.binaries.backup_tools import backup_tools, interpreter
from lab.object_store import ObjectStore
from lab.servers.endpoint import Endpoint
from lab.servers.ports import LOOPBACK
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor

NAME = "s3"


def ensure(supervisor: Supervisor) -> None:
    """Start the server where it does not run.

    Raises:
        LabError: its packages cannot be had, or it does not start.
    """
    packages = backup_tools(supervisor.progress)
    store = ObjectStore(supervisor.home)

    def describe() -> Server:
        url = f"https://{LOOPBACK}:{supervisor.ports.get(NAME)}"
        store.place(url)
        tls = store.authority.server("s3", (LOOPBACK, "localhost"))
        program = (str(interpreter()), "-s", "-P", "-m", "moto.server")
        where = ("--host", LOOPBACK, "--port", str(supervisor.ports.get(NAME)))
        endpoint = Endpoint(url, store.authority.certificate)
        return Server(
            name=NAME,
            argv=(*program, *where, "--ssl-cert", str(tls.certificate), "--ssl-key", str(tls.key)),
            environ={**plain_environ(), "PYTHONPATH": str(packages)},
            ready=lambda: endpoint.ok("/moto-api/data.json"),
            ports=(NAME,),
        )

    supervisor.ensure(describe)
