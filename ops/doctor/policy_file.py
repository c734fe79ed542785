"""deploy/operator-policy.hcl as paths: what the file allows, and what it is for in a stack.

Owns the reading of the file, and the names of a stack in the place of the file's. The file is the only list of paths:
an administrator writes it, the lab runs both stacks with exactly that, and the doctor asks for what is in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.settings import Settings
from components.vault.names import policy_name

FILE = Path(__file__).parents[2] / "deploy" / "operator-policy.hcl"
_PATH = re.compile(r'^path "(?P<path>[^"]+)" \{\n  capabilities = \[(?P<listed>[^\]]*)\]', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A path of Vault's API and what has to be possible there.

    Attributes:
        path: with this stack's names; of a whole folder the secret that comes first.
        capabilities: as Vault calls them.
        login: whether it is about the way in, in `rhsi:vault.authNamespace` where there is one.
        needed: whether `up` fails without it; otherwise it only sees less.
    """

    path: str
    capabilities: tuple[str, ...]
    login: bool
    needed: bool


def paths(settings: Settings) -> list[Allowed]:
    """What `up`, `refresh` and `destroy` of a stack with these settings do, in the order of the file."""
    found = []
    for path, capabilities in _listed(FILE.read_text()):
        purpose = _PURPOSES[path]
        if not purpose.counts(settings):
            continue
        for site in _sites(settings) if "site-b" in path else [""]:
            actual = _renamed(path, site, settings)
            found.append(
                Allowed(path=actual, capabilities=capabilities, login=purpose.login, needed=purpose.needed(settings))
            )
    return found


def _listed(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for match in _PATH.finditer(text):
        yield match["path"], tuple(re.findall(r'"([^"]+)"', match["listed"]))


def _sites(settings: Settings) -> list[str]:
    return list(settings.standbys) if settings.role == "primary" else [settings.site]


def _renamed(path: str, site: str, settings: Settings) -> str:
    vault = settings.vault
    policy = policy_name(vault.mount, vault.prefix, site) if site else ""
    auth = settings.auth_path
    secret = "link-token" if settings.role == "primary" else "owner-standby"
    changes = [
        (r"^sys/mounts/rhsi\b", f"sys/mounts/{vault.mount}"),
        (r"^rhsi/config$", f"{vault.mount}/config"),
        (r"^rhsi/(data|metadata)/site-b/\*$", rf"{vault.mount}/\1/{vault.below(site)}/{secret}"),
        (r"^rhsi/metadata/site-b/$", f"{vault.mount}/metadata/{vault.below(site)}/"),
        (r"^rhsi/(data|metadata)/(edb-repos2\S*)$", rf"{vault.mount}/\1/{vault.below('')}\2"),
        (r"\b(kubernetes|jwt)-site-b\b", auth),
        (r"/rhsi-site-b$", f"/{policy}"),
    ]
    for pattern, name in changes:
        path = re.sub(pattern, name, path)
    return path


@dataclass(frozen=True, kw_only=True)
class _Purpose:
    counts: Callable[[Settings], bool]
    login: bool = False
    needed: Callable[[Settings], bool] = lambda _: True


def _primary(settings: Settings) -> bool:
    return settings.role == "primary"


def _standby(settings: Settings) -> bool:
    return settings.role == "standby"


def _mount(settings: Settings) -> bool:
    return _primary(settings) and settings.vault.manage_mount


def _foreign_mount(settings: Settings) -> bool:
    """Whoever claims a folder in it looks at it first, where the token may."""
    return (_primary(settings) and not settings.vault.manage_mount) or settings.vault.store is not None


def _token(settings: Settings) -> bool:
    edb = settings.edb
    return _primary(settings) and edb.enabled and bool(edb.pull_secret) and edb.registry.manage_token


def _writes_folder(settings: Settings) -> bool:
    """A standby that has its mark there, or publishes tables of its own."""
    own = settings.edb.enabled and settings.edb.publish.given
    return _primary(settings) or settings.vault.store is not None or own


def _awaits_promises(settings: Settings) -> bool:
    return _standby(settings) and (settings.postgres.enabled or settings.edb.enabled)


def _login(settings: Settings) -> bool:
    return _standby(settings) and settings.vault.store is None


def _method(method: str) -> Callable[[Settings], bool]:
    return lambda settings: _login(settings) and settings.vault.login == method


def _own_mount(method: str) -> Callable[[Settings], bool]:
    return lambda settings: _method(method)(settings) and settings.vault.manage_auth


def _way_in(counts: Callable[[Settings], bool]) -> _Purpose:
    return _Purpose(counts=counts, login=True)


def _never(_: Settings) -> bool:
    return False


_PURPOSES: dict[str, _Purpose] = {
    "sys/mounts/rhsi": _Purpose(counts=_mount),
    "sys/mounts/rhsi/tune": _Purpose(counts=_mount),
    "rhsi/config": _Purpose(counts=_foreign_mount, needed=_never),
    "rhsi/data/edb-repos2": _Purpose(counts=_token),
    "rhsi/metadata/edb-repos2": _Purpose(counts=_token),
    "rhsi/data/edb-repos2-owner": _Purpose(counts=_token),
    "rhsi/metadata/edb-repos2-owner": _Purpose(counts=_token),
    "sys/auth": _way_in(lambda settings: _login(settings) and settings.vault.manage_auth),
    "rhsi/data/site-b/*": _Purpose(counts=_writes_folder),
    "rhsi/metadata/site-b/*": _Purpose(counts=_writes_folder),
    "rhsi/metadata/site-b/": _Purpose(counts=_awaits_promises, needed=_never),
    "sys/auth/kubernetes-site-b": _way_in(_own_mount("kubernetes")),
    "sys/mounts/auth/kubernetes-site-b/tune": _way_in(_own_mount("kubernetes")),
    "auth/kubernetes-site-b/config": _way_in(_own_mount("kubernetes")),
    "sys/policies/acl/rhsi-site-b": _way_in(_login),
    "auth/kubernetes-site-b/role/rhsi-site-b": _way_in(_method("kubernetes")),
    "sys/auth/jwt-site-b": _way_in(_own_mount("jwt")),
    "sys/mounts/auth/jwt-site-b/tune": _way_in(_own_mount("jwt")),
    "auth/jwt-site-b/config": _way_in(_own_mount("jwt")),
    "auth/jwt-site-b/role/rhsi-site-b": _way_in(_method("jwt")),
}
