"""The stack files of the checkout, `Pulumi.<stack>.yaml`, as the lab reads them. It never writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.home import CHECKOUT, LabError


@dataclass(frozen=True)
class Stack:
    """One stack file of the checkout: `Pulumi.<name>.yaml`."""

    name: str
    config: dict[str, Any]

    def section(self, key: str) -> dict[str, Any]:
        """A block of settings, empty where the file has none."""
        found = self.config.get(f"rhsi:{key}")
        return found if isinstance(found, dict) else {}

    @property
    def is_primary(self) -> bool:
        """Whether it accepts links."""
        return self.config.get("rhsi:role") == "primary"

    @property
    def site(self) -> str:
        """Its name among the primary's standbys."""
        return str(self.config.get("rhsi:site") or self.name)

    @property
    def primary(self) -> str:
        """The name of a standby's primary stack, without organization and project."""
        return str(self.config.get("rhsi:primaryStack", "")).rpartition("/")[2]

    @property
    def context(self) -> str:
        """The kubeconfig context of its cluster."""
        return str(self.section("cluster").get("context", ""))

    @property
    def namespace(self) -> str:
        """The namespace of its Skupper site."""
        return str(self.section("cluster").get("namespace", "rhsi"))


def discover(checkout: Path = CHECKOUT) -> list[Stack]:
    """All stacks that the checkout has a file for, primaries first: the order in which they come up.

    Raises:
        LabError: a file is no YAML, or there is none.
    """
    stacks = []
    for file in sorted(checkout.glob("Pulumi.*.yaml")):
        try:
            content = yaml.safe_load(file.read_text()) or {}
        except yaml.YAMLError as error:
            raise LabError(f"{file.name} is no YAML ({error}): correct it.") from error
        stacks.append(Stack(file.name.removeprefix("Pulumi.").removesuffix(".yaml"), content.get("config") or {}))
    if not stacks:
        raise LabError(f"{checkout} has no stack file: add Pulumi.site-a.yaml and Pulumi.site-b.yaml.")
    return sorted(stacks, key=lambda stack: not stack.is_primary)
