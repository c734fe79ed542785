"""The databases that the lab brings up: all of them, where a stack file says nothing of them.

Owns the settings `rhsi:postgres` and `rhsi:edb` of such stacks. A section in a stack file stays as it is, and what the
lab's parts cannot run is left out.
"""

from collections.abc import Sequence, Set
from typing import Any

from lab.stacks.files import Stack

# What a database needs besides the clusters; the operator's stand-in serves the replicated ones.
NEEDED = frozenset({"network", "skupper", "pods"})
OPERATOR = "cnpg"


def settings(stack: Stack, stacks: Sequence[Stack], without: Set[str]) -> dict[str, Any]:
    """The sections that the stack gets from the lab; `without` names the parts that the lab leaves out."""
    if without & NEEDED:
        return {}
    tested = {} if stack.is_primary else {"smokeTest": True}
    found: dict[str, Any] = {"rhsi:postgres": {"enabled": True, **tested}}
    peer = _replica(stack, stacks)
    if peer and OPERATOR not in without:
        chosen = {"peer": peer} if stack.is_primary else {}
        found["rhsi:edb"] = {"enabled": True, "operator": "community", "smokeTest": True, **chosen}
    return {key: section for key, section in found.items() if key not in stack.config}


def _replica(stack: Stack, stacks: Sequence[Stack]) -> str | None:
    """The standby that replicates with this stack's primary, the first that it lists; None for another standby."""
    for primary in stacks:
        if primary.is_primary and primary.name in (stack.name, stack.primary):
            first = next(iter(primary.section("standbys")), None)
            if stack.is_primary or stack.site == first:
                return first
    return None
