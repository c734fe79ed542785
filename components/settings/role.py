"""A role that the other settings contradict: a stack file whose `rhsi:role` was swapped.

Owns the sentence about it. The remaining settings are checked as those of the role that they belong to, so that nobody
reads a dozen mistakes where one word is wrong.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.mistakes import Mistake
from components.settings.section import section


def role_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """The role, where all that tells primaries and standbys apart speaks for the other one."""
    likely = _likely_role(raw)
    if likely != raw.get("role"):
        sign = "primaryStack names a primary" if likely == "standby" else "standbys lists standbys"
        yield Mistake("role", raw["role"], f"the other settings are those of a {likely} (rhsi:{sign}); write {likely}")


def as_meant(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with the role that they belong to; works on unchecked values."""
    likely = _likely_role(raw)
    return raw if likely == raw.get("role") else {**raw, "role": likely}


def _likely_role(raw: Mapping[str, Any]) -> Any:
    role, has_primary, has_standbys = raw.get("role"), bool(raw.get("primaryStack")), bool(section(raw, "standbys"))
    if role == "primary" and has_primary and not has_standbys:
        return "standby"
    if role == "standby" and has_standbys and not has_primary:
        return "primary"
    return role
