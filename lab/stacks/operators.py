"""The operators that stacks install on a bare lab: those that each stack needs, where its file says nothing of them.

Owns the settings `rhsi:operators` of such stacks. What a stack file says of a part stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.environment import Environment
from lab.stacks.files import Stack

MARKETPLACE = "openshift-marketplace"
SOURCES = {
    "skupper": "redhat-operators",
    "networkObserver": "redhat-operators",
    "externalSecrets": "redhat-operators",
    "database": "certified-operators",
}
"""The lab's catalogue of each part. The program's own defaults on OpenShift; on other clusters it has others."""


def settings(
    stack: Stack, stacks: Sequence[Stack], config: Mapping[str, Any], environment: Environment
) -> dict[str, Any]:
    """What the lab adds to the settings of a stack.

    Args:
        stack: whose.
        stacks: all that the checkout has; of those of one cluster the first installs the operators.
        config: its settings by now.
        environment: of the lab.
    """
    if not environment.bare or stack.name != _first_of(stack.context, stacks):
        return {}
    given = config.get("rhsi:operators", {})
    if not isinstance(given, dict | None):
        return {}  # For the program to refuse.
    wanted = {
        "skupper": True,
        "networkObserver": _is_on(config, "networkObserver"),
        "externalSecrets": not stack.is_primary,
        "database": _is_on(config, "edb"),
    }
    foreign = _section(config, "cluster").get("platform") == "kubernetes"
    parts = {part: _part(part, foreign=foreign) for part, is_wanted in wanted.items() if is_wanted}
    return {"rhsi:operators": {**parts, **(given or {})}}


def _part(part: str, *, foreign: bool) -> dict[str, Any]:
    """A part's settings; on a cluster that is not OpenShift the catalogue has to be named."""
    place = {"source": SOURCES[part], "sourceNamespace": MARKETPLACE} if foreign else {}
    return {"enabled": True, **place}


def _first_of(context: str, stacks: Sequence[Stack]) -> str:
    return next((one.name for one in stacks if one.context == context), "")


def _is_on(config: Mapping[str, Any], key: str) -> bool:
    return _section(config, key).get("enabled") is True


def _section(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = config.get(f"rhsi:{key}")
    return found if isinstance(found, dict) else {}
