"""The secrets of the reference's stack files, which their comments only say how to set."""

from docs.generate.stack_files import Example
from tests.unit.urns import CERTIFICATE, EC_KEY


def secrets(example: Example) -> dict[str, str]:
    """What `pulumi config set --secret --path rhsi:<key>` sets before the example can be used, by key."""
    edb = example.values.get("edb", {})
    if example.role != "primary" or not edb.get("enabled"):
        return {}
    token = {"edb.registry.token": "the-token"} if edb.get("operator", "edb") == "edb" else {}
    authority = {"edb.ca.certificate": CERTIFICATE, "edb.ca.key": EC_KEY} if edb.get("tls") == "verify-full" else {}
    return {**token, **authority}
