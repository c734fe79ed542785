"""What things of a site are called in Vault: its folder below the KV mount, and its policy and role.

Several environments may share one Vault, and a name that a person chose is not an identity. So policies and roles are
named after everything that tells two environments apart, mount and prefix, besides the site.
"""

import re

DEFAULT_MOUNT = "rhsi"
_PLAIN = re.compile(r"[a-z0-9-]")


def below(prefix: str, path: str) -> str:
    """A path below the KV mount, inside the folder `prefix` where there is one."""
    return f"{prefix}/{path}" if prefix else path


def namespace_parts(namespace: str) -> list[str]:
    """A Vault namespace as the names on the way to it; none for the one above all others, which is called `root` too.

    No other namespace can have that name (openbao:helper/namespace/namespace.go, Canonicalize).
    """
    parts = [part for part in namespace.split("/") if part]
    return [] if parts == ["root"] else parts


def policy_name(mount: str, prefix: str, site: str) -> str:
    """Name of a site's policy and role, another one for each mount, prefix and site.

    In the default mount without a prefix it is `rhsi-<site>`, as in the manual procedure; elsewhere
    `rhsi.<mount>.<site>` or `rhsi.<mount>__<prefix>.<site>`. A site's name has neither `.` nor `_`; what a mount or
    prefix has besides lower-case letters, digits and hyphens is written as `_` and two hexadecimal digits. Vault folds
    the case of both names and takes letters, digits, `_`, `-` and `.` in a role's (vault:sdk/framework/path.go,
    GenericNameRegex), so nothing else may tell two of them apart.
    """
    if (mount, prefix) == (DEFAULT_MOUNT, ""):
        return f"rhsi-{site}"
    environment = _encoded(mount) + (f"__{_encoded(prefix)}" if prefix else "")
    return f"rhsi.{environment}.{site}"


def _encoded(path: str) -> str:
    return "".join(one if _PLAIN.fullmatch(one) else f"_{ord(one):02x}" for one in path)
