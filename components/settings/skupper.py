"""Settings of the Skupper site: `rhsi:skupper`."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.mistakes import Mistake
from components.settings.section import Section, section


class Skupper(Section):
    """`rhsi:skupper`, on the primary."""

    ha: bool = False


def skupper_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values."""
    if raw.get("role") == "standby" and section(raw, "skupper").get("ha"):
        fix = "links are made by the primary's routers; set it in the primary's stack"
        yield Mistake.of("skupper.ha", section(raw, "skupper")["ha"], fix)
