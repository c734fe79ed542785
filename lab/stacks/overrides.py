"""What differs on the lab from what a stack file says: where Vault and the API server are, rotations, protection."""

from typing import Any

from lab.environment import Environment
from lab.home import Home, LabError
from lab.object_store import AUTHORITY_SECRET, ObjectStore
from lab.stacks import rotations
from lab.stacks.databases import OPERATOR
from lab.stacks.files import Stack

UNKNOWN_STORE = "https://127.0.0.1"
"""The address of a store that nobody has asked for yet."""


def refuse_foreign(stack: Stack, environment: Environment) -> None:
    """Refuse a stack of another cluster.

    Raises:
        LabError: the stack's context is none of the lab's.
    """
    if stack.context not in environment.contexts:
        raise LabError(
            f"{stack.file} has rhsi:cluster.context {stack.context!r}, but the lab's contexts are "
            f"{', '.join(environment.contexts)}: use one of them."
        )


def overrides(stack: Stack, environment: Environment) -> dict[str, Any]:
    """The settings that differ on the lab: where Vault and the API server are, its rotations, protection.

    Nothing is protected unless the stack file itself says so. What is no section stays, for the program to refuse.
    """
    given = stack.section("vault")
    vault: dict[str, Any] = {"address": environment.vault_addr}
    # Where the cluster has the CA itself, or a store that knows it, the program takes no other.
    if environment.vault_cacert and not (given.get("caProvider") or given.get("store")):
        vault["ca"] = environment.vault_cacert.read_text()
    cluster: dict[str, Any] = {}
    found: dict[str, Any] = {"rhsi:protect": stack.config.get("rhsi:protect", False)}
    if not stack.is_primary:
        # Only the login kubernetes has Vault ask the cluster.
        asks = given.get("login", "kubernetes") == "kubernetes" and not given.get("store")
        if asks and stack.context in environment.api_servers:
            cluster["apiServer"] = environment.api_servers[stack.context]
    elif (given := rotations.load(Home(environment.root))) and _is_section(stack, "standbys"):
        found["rhsi:standbys"] = rotations.merge(stack.section("standbys"), given)
    for key, changes in (("vault", vault), ("cluster", cluster)):
        if _is_section(stack, key):
            found[f"rhsi:{key}"] = {**stack.section(key), **changes}
    for key in backed_up(stack, environment):
        database = stack.section(key)
        backup = {**database["backup"], **_object_store(database["backup"], environment)}
        found[f"rhsi:{key}"] = {**database, "backup": backup}
    return found


def backed_up(stack: Stack, environment: Environment) -> list[str]:
    """The stack's databases that go to an object store, which on the lab is the lab's own."""
    runs = ["postgres"] if OPERATOR in environment.without else ["edb", "postgres"]
    return [key for key in runs if _asks_for_backups(stack, key)]


def _asks_for_backups(stack: Stack, key: str) -> bool:
    if not _is_section(stack, key):
        return False
    database = stack.section(key)
    backup = database.get("backup")
    return database.get("enabled") is True and isinstance(backup, dict) and bool(backup.get("destinationPath"))


def _object_store(backup: dict[str, Any], environment: Environment) -> dict[str, Any]:
    """Where the lab's store is; keys and bucket stay the stack's, for which the lab makes them."""
    url = ObjectStore(Home(environment.root)).url
    return {"endpointUrl": url or UNKNOWN_STORE, "endpointCa": backup.get("endpointCa") or AUTHORITY_SECRET}


def _is_section(stack: Stack, key: str) -> bool:
    return isinstance(stack.config.get(f"rhsi:{key}", {}), dict | None)
