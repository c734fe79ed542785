"""The lab's own Vault: a server that lives may still be sealed, as after a crash, or answer nothing."""

import urllib3
from urllib3.exceptions import HTTPError

from lab.environment import Environment
from lab.status.dead import LAB, Seen
from ops.status.row import ERROR, Row

NAME = "openbao"
"""As lab/servers/openbao.py names it, whose client of Vault takes long to import."""
TIMEOUT = urllib3.Timeout(connect=1.0, read=2.0)
SEALED = 503


def rows(environment: Environment, processes: list[Seen]) -> list[Row]:
    """What is wrong with it; none where it is open, is not the lab's, or its process has a row already."""
    serves = any(process.name == NAME and process.alive and not process.stopped for process in processes)
    if not serves or environment.vault_cacert is None:
        return []
    pool = urllib3.PoolManager(ca_certs=str(environment.vault_cacert), retries=False, timeout=TIMEOUT)
    try:
        answer = pool.request("GET", f"{environment.vault_addr}/v1/sys/health").status
    except HTTPError as error:
        return [_row(f"it does not answer ({type(error).__name__})")]
    if answer == SEALED:
        return [_row("it is sealed: `python -m lab up` unseals it")]
    return []


def _row(why: str) -> Row:
    return Row(LAB, "Vault", NAME, ERROR, why)
