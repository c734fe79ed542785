"""The rotation of a link: an integer >= 1 that only grows, and everything that is named after it.

Owns the names on both sites and the commands of the next rotation that messages show. Makes and removes nothing itself.
A number alone does not tell a grant from another one: with its expiry it does.
"""

TOKEN_PREFIX = "standby-from-vault"  # noqa: S105 -- the name of an object, no secret
# The Secret, and the ExternalSecret, of a standby's credentials.
LINK_SECRET = "rhsi-link-token"  # noqa: S105 -- the name of an object, no secret
# How many earlier rotations a claim looks at for a Secret whose Link is gone: it may not list Secrets.
REACH = 20
# A router pair (HA) makes one Link for each router (skupper:internal/kube/grants/tokens.go).
HA_SUFFIXES = ("-1", "-2")


def grant_name(standby: str, rotation: int) -> str:
    """Name of a standby's AccessGrant. Carrying the rotation makes a rotation a create-before-delete replacement."""
    return f"rhsi-{standby}-grant-{rotation}"


def link_token_path(folder: str) -> str:
    """Path of a standby's credentials below the KV mount, in its folder; the same for every rotation."""
    return f"{folder}/link-token"


def token_name(rotation: int) -> str:
    """Name of a rotation's AccessToken, of its Secret and, unless the primary has two routers, of its Link."""
    return f"{TOKEN_PREFIX}-{rotation}"


def link_names(rotation: int, *, ha: bool) -> list[str]:
    """Names of a rotation's Links."""
    return [token_name(rotation) + suffix for suffix in (HA_SUFFIXES if ha else ("",))]


def superseded(rotation: int) -> list[str]:
    """Names of the earlier rotations that a claim of this one looks at, newest first; none for the first rotation."""
    return [token_name(earlier) for earlier in range(rotation - 1, max(0, rotation - 1 - REACH), -1)]


def rotation_commands(primary_stack: str, standby: str, rotation: int, standby_stack: str) -> str:
    """What to type for the rotation after `rotation`, which is a number of the settings: revocations do not count."""
    return (
        f"pulumi config set --path 'rhsi:standbys.{standby}.rotation' {rotation + 1} -s {primary_stack} && "
        f"pulumi up -s {primary_stack} && pulumi up -s {standby_stack}"
    )
