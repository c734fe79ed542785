"""The rotation of a link: an integer >= 1 that only grows, and everything that is named after it.

Owns the names on both sites, the earlier rotations whose objects a claim may remove, and the commands of the next
rotation that messages show. Makes and removes nothing itself.
"""

TOKEN_PREFIX = "standby-from-vault"  # noqa: S105 -- the name of an object, no secret
# How many earlier rotations a claim may remove. Rights by name cannot be open-ended.
REACH = 20
# A router pair (HA) makes one Link for each router, with these suffixes.
HA_SUFFIXES = ("", "-1", "-2")


def grant_name(standby: str, rotation: int) -> str:
    """Name of a standby's AccessGrant. Carrying the rotation makes a rotation a create-before-delete replacement."""
    return f"rhsi-{standby}-grant-{rotation}"


def link_token_path(standby: str) -> str:
    """Path of a standby's credentials below the KV mount, the same for every rotation."""
    return f"{standby}/link-token"


def token_name(rotation: int) -> str:
    """Name of a rotation's AccessToken, of its Secret and of its Link."""
    return f"{TOKEN_PREFIX}-{rotation}"


def superseded(rotation: int) -> list[str]:
    """Names of the earlier rotations that a claim of this one may remove, newest first; none for the first rotation."""
    return [token_name(earlier) for earlier in range(rotation - 1, max(0, rotation - 1 - REACH), -1)]


def rotation_commands(primary_stack: str, standby: str, rotation: int, standby_stack: str) -> str:
    """What to type for the rotation that follows `rotation`."""
    return (
        f"pulumi config set --path 'rhsi:standbys.{standby}.rotation' {rotation + 1} -s {primary_stack} && "
        f"pulumi up -s {primary_stack} && pulumi up -s {standby_stack}"
    )
