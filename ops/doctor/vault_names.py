"""What stands in Vault already and is not this stack's, with what `up` would do to it.

The program refuses what it can tell (components/vault/), and Vault refuses a second mount at one path. A role is
written over.
"""

from collections.abc import Iterator, Mapping

from components.vault.names import policy_name
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene
from ops.vault import Vault, VaultError

SUBJECT = "vault names"

MOUNT = "vault:index/mount:Mount"
AUTH_MOUNTS = {"kubernetes": "vault:index/authBackend:AuthBackend", "jwt": "vault:jwt/authBackend:AuthBackend"}
POLICY = "vault:index/policy:Policy"
ROLES = {
    "kubernetes": "vault:kubernetes/authBackendRole:AuthBackendRole",
    "jwt": "vault:jwt/authBackendRole:AuthBackendRole",
}


def check(scene: Scene) -> Iterator[Finding]:
    """Mount, auth mount, policy, role, and the secrets that say whose a folder is."""
    if not scene.vault().has_token:
        return
    looked, found = _Looked(scene), list[Finding]()
    if scene.settings.role == "primary":
        found += [*_mount(scene), *_folders(scene, "owner-primary", list(scene.settings.standbys), looked)]
    elif scene.settings.vault.store:
        found += _folders(scene, "owner-standby", [scene.settings.site], looked)
    else:
        found += _way_in(scene, looked)
    yield from found
    if looked.refused:
        yield unknown(
            SUBJECT,
            f"The token may not see whether there is {', '.join(looked.refused)}.",
            "`pulumi up` refuses what is another stack's before it writes",
        )
    elif not found:
        yield ok(SUBJECT, "Nothing of another owner has this stack's names.")


class _Looked:
    """Reads, and remembers what it was refused."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.refused: list[str] = []

    def __call__(self, vault: Vault, path: str) -> Mapping[str, object] | None:
        try:
            return vault.read(path)
        except VaultError as problem:
            if not problem.refused:
                raise
            self.refused.append(path)
            return None


def _mount(scene: Scene) -> Iterator[Finding]:
    """One that `up` would make."""
    mount = scene.settings.vault.mount
    if not scene.settings.vault.manage_mount or scene.state().has(MOUNT, mount):
        return
    described = scene.vault().mount(mount)
    if described and str(described.get("path", "")).strip("/") == mount:
        yield error(
            SUBJECT,
            f"The mount {mount!r} exists and is not this stack's: Vault refuses a second one.",
            f"pulumi config set --path 'rhsi:vault.manageMount' false -s {scene.stack}; "
            "or `python -m ops adopt`, to make it this stack's",
        )


def _folders(scene: Scene, name: str, sites: list[str], looked: _Looked) -> Iterator[Finding]:
    """The secret that tells whose a folder is: `up` refuses another stack's."""
    vault = scene.settings.vault
    for site in sites:
        path = vault.below(f"{site}/{name}")
        document = looked(scene.vault(), f"{vault.mount}/data/{path}")
        data = (document or {}).get("data")
        if not isinstance(data, Mapping) or data.get("id") == scene.state().owner:
            continue
        yield error(
            SUBJECT,
            f"{vault.mount}/{path} says that the folder is the stack {data.get('stack') or 'of unknown name'}'s.",
            "give this environment another rhsi:vault.mount or rhsi:vault.prefix, the same in all its stacks",
        )


def _way_in(scene: Scene, looked: _Looked) -> Iterator[Finding]:
    settings, state, vault = scene.settings, scene.state(), scene.login()
    auth, method = settings.auth_path, settings.vault.login
    policy = policy_name(settings.vault.mount, settings.vault.prefix, settings.site)
    if settings.vault.manage_auth and not state.has(AUTH_MOUNTS[method], auth):
        mounts = looked(vault, "sys/auth") or {}
        if f"{auth}/" in mounts:
            yield error(
                SUBJECT,
                f"The auth mount {auth!r} exists and is not this stack's: Vault refuses a second one.",
                f"pulumi config set --path 'rhsi:vault.manageAuth' false -s {scene.stack}, or another "
                "rhsi:vault.authPath; or `python -m ops adopt`, to make it this stack's",
            )
    if not state.has(POLICY, policy) and looked(vault, f"sys/policies/acl/{policy}"):
        yield error(
            SUBJECT,
            f"The policy {policy} exists and is not this stack's: `up` refuses to write over it.",
            f"another rhsi:site; or, where no stack has it, vault policy delete {policy}",
        )
    role = f"auth/{auth}/role/{policy}"
    if not state.has(ROLES[method], role) and not settings.vault.manage_auth and looked(vault, role):
        yield warning(
            SUBJECT,
            f"The role {role} exists and is not this stack's: `up` writes over it, and `destroy` deletes it.",
            f"vault read {role}",
        )
