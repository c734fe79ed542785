"""What the program calls its things, and the manual procedure too, for the plan to find them.

The program's own constants are out of reach here (ops/ knows only its settings and outputs); a test holds these against
them.
"""

LINK_PREFIX = "standby-from-vault"
LINK_SECRET = "rhsi-link-token"  # noqa: S105 -- the name of an object, no secret
CLAIM_JOB = "create-access-token-from-vault"
READER_ACCOUNT = "rhsi-vault-reader"
STORE = "vault-rhsi"
OWNER_CONFIG_MAP = "rhsi-owner"
POSTGRES = ("postgres-primary", "postgres-standby")


def grant(standby: str, rotation: int) -> str:
    """A standby's AccessGrant."""
    return f"rhsi-{standby}-grant-{rotation}"


def delegator(namespace: str) -> str:
    """The ClusterRoleBinding by which the reader of a namespace may ask for the review of its token."""
    return f"{READER_ACCOUNT}-{namespace}-auth-delegator"


def database(site: str) -> str:
    """The Cluster of the replicated databases."""
    return f"edb-{site}"
