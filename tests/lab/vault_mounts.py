"""Mounts of Vault that a test makes itself."""

import hvac
from hvac.exceptions import InvalidRequest

from tests.lab.waiting import until


def mount_kv(client: hvac.Client, path: str) -> None:
    """A mount of KV version 2, ready: a new one refuses everything until it has upgraded itself."""
    client.sys.enable_secrets_engine("kv", path=path, options={"version": "2"})

    def is_ready() -> bool:
        try:
            return bool(client.secrets.kv.v2.read_configuration(mount_point=path))
        except InvalidRequest:
            return False

    until(is_ready)
