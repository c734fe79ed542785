"""What a kind of Vault resource is, to the provider.

Property names are the Pulumi provider's (camelCase), ids are those of its Terraform bridge.
"""

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from lab.pulumi.values import Properties
from lab.pulumi.vault.client import VaultClient


def snake(name: str) -> str:
    """`tokenTtl` as `token_ttl`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)


class Kind(ABC):
    """One kind. All values are revealed; `state` is what the stack's state holds.

    Attributes:
        replacing: inputs whose change needs another resource.
        named: whether a missing `name` is made up.
        unordered: list inputs whose order means nothing.
        computed: what Vault says where nobody does: never an input of a resource that is imported, so that a program
            which leaves it out differs in nothing.
    """

    replacing: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = False
    unordered: ClassVar[tuple[str, ...]] = ()
    computed: ClassVar[tuple[str, ...]] = ()

    def defaults(self, inputs: Properties) -> Properties:
        """Inputs that follow from others."""
        return inputs

    def fault(self, inputs: Properties) -> str:  # noqa: ARG002 - most kinds have no check of their own
        """What the provider's own check refuses of inputs that are all known, "" for nothing."""
        return ""

    def writing(self, inputs: Properties) -> str:  # noqa: ARG002 - some kinds name their path
        """How an error of writing begins, "" if the client's own words will do."""
        return "error writing to Vault"

    def reading(self, id_: str) -> str:  # noqa: ARG002 - some kinds name their path
        """How an error of reading begins."""
        return "error reading from Vault"

    @abstractmethod
    def create(self, client: VaultClient, inputs: Properties, /) -> str:
        """Write the new resource; its id."""

    @abstractmethod
    def update(self, client: VaultClient, id_: str, olds: Properties, news: Properties, /) -> str:
        """Write the changes; the id from now on."""

    @abstractmethod
    def read(self, client: VaultClient, id_: str, state: Properties, /) -> Properties | None:
        """What Vault says about the resource, or None if it is gone."""

    @abstractmethod
    def delete(self, client: VaultClient, id_: str, state: Properties, /) -> None:
        """Delete the resource."""
