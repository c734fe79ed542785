"""What differs on the lab from what a stack file says: where Vault and the API server are, rotations, protection."""

from typing import Any

from lab.environment import Environment
from lab.home import Home, LabError
from lab.stacks import rotations
from lab.stacks.files import Stack


def overrides(stack: Stack, environment: Environment) -> dict[str, Any]:
    """The settings that differ on the lab: where Vault and the API server are, its rotations, protection.

    Nothing is protected unless the stack file itself says so.

    Raises:
        LabError: the stack's context is none of the lab's.
    """
    if stack.context not in environment.contexts:
        raise LabError(
            f"Pulumi.{stack.name}.yaml has rhsi:cluster.context {stack.context!r}, but the lab's contexts are "
            f"{', '.join(environment.contexts)}: use one of them."
        )
    vault: dict[str, Any] = {**stack.section("vault"), "address": environment.vault_addr}
    if environment.vault_cacert:
        vault["ca"] = environment.vault_cacert.read_text()
    cluster = dict(stack.section("cluster"))
    found = {"rhsi:vault": vault, "rhsi:cluster": cluster, "rhsi:protect": stack.config.get("rhsi:protect", False)}
    if not stack.is_primary:
        cluster["apiServer"] = environment.api_servers[stack.context]
    elif given := rotations.load(Home(environment.root)):
        found["rhsi:standbys"] = rotations.merge(stack.section("standbys"), given)
    return found
