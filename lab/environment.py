"""The life of a lab: started, found again, stopped; and where its parts are, for everybody who uses them.

Owns the file `environment.json` in the lab's home, which exists from the moment that everything was ready once until
`stop`. It names the files that hold secrets and holds none itself. How a part is started is `lab.servers`' business.
"""

import errno
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from lab.files import write_private
from lab.home import Home, LabError
from lab.progress import Progress, Silent
from lab.servers import PARTS
from lab.servers.endpoint import Endpoint
from lab.servers.folder import forget, locked, take
from lab.servers.process import Process, memory
from lab.servers.supervisor import Supervisor, recorded

CONTEXTS = ("site-a", "site-b")
FILE = "environment.json"
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES})


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A lab that stands.

    Attributes:
        root: the lab's home.
        without: the parts that were left out.
        bare: whether the clusters began with nothing but OLM, so that operators have to be installed.
        contexts: of the kubeconfig, one a cluster.
        kubeconfig: value of KUBECONFIG: a file, or several joined, where the clusters are not the lab's.
        api_servers: context -> URL of the API server, as Vault sees it.
        api_authorities: context -> PEM of the authority of that API server, empty where the system's are trusted.
        vault_addr: URL of Vault.
        vault_cacert: PEM file of Vault's authority, None where the system's are trusted.
        vault_token_file: the file with the token, None where it is `$VAULT_TOKEN`.
    """

    root: Path
    without: frozenset[str]
    contexts: tuple[str, ...]
    kubeconfig: str
    api_servers: dict[str, str]
    api_authorities: dict[str, str]
    vault_addr: str
    vault_cacert: Path | None
    vault_token_file: Path | None
    bare: bool = False

    @property
    def vault_token(self) -> str:
        """The token that opens Vault.

        Raises:
            LabError: Vault is not the lab's and VAULT_TOKEN is not set.
        """
        token = self.vault_token_file.read_text() if self.vault_token_file else os.environ.get("VAULT_TOKEN", "")
        if not token:
            raise LabError(
                f"VAULT_TOKEN is not set: the Vault at {self.vault_addr} is not the lab's, so it needs yours."
            )
        return token

    def environ(self) -> dict[str, str]:
        """What programs that work on this lab need in their environment: kubectl, bao, pulumi, the engine."""
        found = {"KUBECONFIG": self.kubeconfig, "VAULT_ADDR": self.vault_addr, "VAULT_TOKEN": self.vault_token}
        return found | ({"VAULT_CACERT": str(self.vault_cacert)} if self.vault_cacert else {})

    def processes(self) -> list[Process]:
        """Every process of the lab, alive or not, by name."""
        return recorded(Home(self.root))

    def is_whole(self) -> bool:
        """Whether every process lives and the lab's Vault is open: nothing is left to start."""
        if not all(process.alive for process in self.processes()):
            return False
        if not self.vault_cacert or "vault" in self.without:
            return True
        return Endpoint(self.vault_addr, self.vault_cacert).ok("/v1/sys/health")

    def memory(self) -> int:
        """Bytes of memory (PSS) of all its processes and their children."""
        return memory(self.processes())


def start(
    home: Home,
    without: frozenset[str] = frozenset(),
    contexts: tuple[str, ...] = CONTEXTS,
    progress: Progress | None = None,
    *,
    bare: bool = False,
) -> Environment:
    """Start the lab, or what is missing of it, and return when every part is ready.

    A start that fails or is interrupted stops what it began. A part that had died since is started again on its old
    address and data. Where every process lives, only Vault is asked whether it is unsealed.

    Args:
        home: where the lab lives.
        without: parts to leave out, of PARTS; clusters are then those of `$KUBECONFIG`, Vault that of `$VAULT_ADDR`.
        contexts: names of the clusters; External Secrets runs for all but the first.
        progress: is told what happens.
        bare: begin with clusters that have nothing but OLM.

    Raises:
        LabError: a part cannot start, or this lab stands with other parts.
    """
    if unknown := sorted(without - set(PARTS)):
        raise LabError(f"There is no part {unknown[0]!r} to leave out: the parts are {', '.join(PARTS)}.")
    progress = progress or Silent()
    progress.update("looking at what runs")
    with locked(home, progress):
        take(home)
        known = load(home)
        if known is None:
            # What a start left behind that was killed: it never told anybody its addresses.
            Supervisor(home, progress).stop_all()
            forget(home, keep=("logs",))
        elif (known.without, known.contexts) != (without, contexts):
            raise LabError(
                f"The lab in {home.root} stands with contexts {', '.join(known.contexts)} and "
                f"without {', '.join(sorted(known.without)) or 'nothing left out'}: "
                "run `python -m lab down` before you start it differently."
            )
        elif known.bare != bare:
            how = "bare" if known.bare else "with every operator installed"
            raise LabError(
                f"The lab in {home.root} was started {how}: run `python -m lab down` before you start it differently."
            )
        elif known.is_whole():
            return known
        # Its clients take a second to import, which a lab that stands has no use for.
        from lab.servers.parts import Start  # noqa: PLC0415 - as just said

        supervisor = Supervisor(home, progress)
        try:
            with _terminated_like_interrupted():
                addresses = Start(supervisor, without, contexts, bare=bare).run()
                environment = Environment(
                    root=home.root, without=without, contexts=contexts, bare=bare, **vars(addresses)
                )
                _save(environment)
        except BaseException as error:
            supervisor.stop_begun()
            if known is None:
                forget(home, keep=("logs",))
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                raise LabError(
                    f"The lab cannot write to its home {home.root} ({error.strerror}): free space or fix the rights, "
                    "or set RHSI_LAB_HOME to a folder on another disk."
                ) from error
            raise
        return environment


def load(home: Home) -> Environment | None:
    """The lab that stands in this home (whether or not all its processes live), or None."""
    file = home.root / FILE
    if not file.exists():
        return None
    facts: dict[str, Any] = json.loads(file.read_text())
    for name in ("vault_cacert", "vault_token_file"):
        facts[name] = Path(facts[name]) if facts[name] else None
    facts |= {"without": frozenset(facts["without"]), "contexts": tuple(facts["contexts"]), "root": home.root}
    return Environment(**facts)


def stop(home: Home, progress: Progress | None = None) -> None:
    """Stop every process of the lab and forget its state; does nothing where there is no lab."""
    if not home.root.exists():
        return
    with locked(home, progress or Silent()):
        Supervisor(home, progress or Silent()).stop_all()
        forget(home)


def _save(environment: Environment) -> None:
    facts = asdict(environment) | {"without": sorted(environment.without)}
    write_private(environment.root / FILE, json.dumps(facts, indent=2, default=str).encode())


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends a start the way Ctrl-C does: with the clean-up."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(143)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
