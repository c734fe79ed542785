"""Writes docs/outputs.md from the classes in components/outputs.py.

Run `python -m docs.generate.outputs > docs/outputs.md`.
"""

import dataclasses
import sys
import typing
from collections.abc import Iterator

from components import outputs
from docs.generate.fields import docstrings

HEAD = """\
# Stack outputs

What a stack tells other stacks and people: names, paths, states and times. None is secret, and none will be. Other
stacks read them by [StackReference](#reading-them); `pulumi stack output -s site-a` prints them.

`python -m docs.generate.outputs > docs/outputs.md` writes this page from `components/outputs.py`.
"""
TAIL = """\

## Reading them

```python
primary = pulumi.StackReference("acme/rhsi/site-a")
expires = primary.require_output("standbys").apply(lambda standbys: standbys["site-b"]["expires"])
```

Before the first `up` of a stack its outputs are absent: a preview that reads them should treat them as unknown.

### Two passphrases

The stack that reads and the stack that is read must be on the same backend. They may have different passphrases:
Pulumi's engine leaves out what it cannot decrypt of another stack's outputs, and none of these is secret. Set
`PULUMI_CONFIG_PASSPHRASE` (or `PULUMI_CONFIG_PASSPHRASE_FILE`) to that of the stack that you run. Without it, the
engine prompts for the other stack's too.

A key in a cloud or in Vault (`awskms://`, `azurekeyvault://`, `gcpkms://`, `hashivault://`) is stricter: whoever
reads the outputs must be allowed to decrypt with the key of the stack that is read.
"""
TYPES = {str: "string", int: "integer", bool: "boolean"}
# What the keys of an output's map are.
KEYS = {"standbys": "<site>", "exported_services": "<name>", "imported_services": "<name>"}


def page() -> str:
    """The whole page."""
    roles = {"Primary": outputs.Primary, "Standby": outputs.Standby}
    return HEAD + "".join(map(section, roles, roles.values())) + TAIL


def section(title: str, shape: type) -> str:
    """The outputs of one role as a table."""
    lines = ["", f"## {title}", "", "| output | type | meaning | example |", "|---|---|---|---|"]
    return "\n".join([*lines, *rows(shape, "")]) + "\n"


def rows(shape: type, prefix: str) -> Iterator[str]:
    """The fields of a class, each followed by those of what it holds."""
    for field in dataclasses.fields(shape):
        held, optional = outputs.kind(field.type)
        meaning, _, example = docstrings(shape)[field.name].partition("Example: ")
        name = prefix + field.name
        word = TYPES.get(held, "map") + (", may be missing" if optional else "")
        yield f"| `{name}` | {word} | {meaning.strip()} | {example} |"
        if typing.get_origin(held):
            inner, _ = outputs.kind(typing.get_args(held)[1])
            held, name = inner, f"{name}.{KEYS.get(field.name, '')}"
        if dataclasses.is_dataclass(held):
            yield from rows(typing.cast("type", held), f"{name}.")


if __name__ == "__main__":
    sys.stdout.write(page())
