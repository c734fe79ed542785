"""The stack's page in Pulumi Cloud: Pulumi.README.md with the parts that fit this stack, as its output `readme`.

Pulumi Cloud fills in `${outputs.<name>}` wherever it shows the page (pulumi/examples, stack-readme-py), so the text
depends on which outputs there are and never on a value: it holds no secret, and a rotation leaves it alone. The command
`pulumi stack output readme` prints the text as it is. A project without the file has no such output.

Owns what the file may have besides. A part between `<!-- if OUTPUT -->` and `<!-- end -->` stays where there is that
output. A part after `<!-- each OUTPUT -->` is repeated for each entry, with its name in the place of `<name>`. The
stack's name takes the place of `<stack>`.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components import outputs

TEMPLATE = Path(__file__).parents[2] / "Pulumi.README.md"
_PART = re.compile(r"^<!-- (if|each) ([a-z_.]+) -->\n(.*?)^<!-- end -->\n", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^<!-- (?:if|each|end)\b.*", re.MULTILINE)


def stack_readme(template: str, exports: Mapping[str, Any], stack: str) -> str:
    """The text for a stack with these outputs.

    Raises:
        pulumi.RunError: a part of the template has no beginning or no end.
    """

    def part(found: re.Match[str]) -> str:
        value: Any = exports
        for name in found[2].split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        # What is empty has nothing to show. An output that is not known yet is there.
        if value is None or (isinstance(value, Mapping) and not value):
            return ""
        return "".join(found[3].replace("<name>", name) for name in value) if found[1] == "each" else found[3]

    text = _PART.sub(part, template)
    if left := _MARK.search(text):
        raise pulumi.RunError(
            f"Pulumi.README.md has {left[0]!r} without its other half: begin each part with `<!-- if OUTPUT -->` or "
            "`<!-- each OUTPUT -->` on a line of its own, and end it with `<!-- end -->`; parts cannot hold parts."
        )
    return text.replace("<stack>", stack)


def exports(told: outputs.Primary | outputs.Standby) -> dict[str, pulumi.Input[Any]]:
    """The outputs as Pulumi exports them, with the page where the project has one."""
    if not TEMPLATE.exists():
        return outputs.exports(told)
    page = stack_readme(TEMPLATE.read_text(), outputs.exports(told), pulumi.get_stack())
    return outputs.exports(dataclasses.replace(told, readme=page))
