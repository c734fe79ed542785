"""What the engine asks of a provider: the part of pulumi:proto/pulumi/provider.proto that it uses, as Python."""

from dataclasses import dataclass, field
from typing import Protocol

from lab.pulumi.urn import type_of
from lab.pulumi.values import Properties


class ProviderError(Exception):
    """An operation failed and changed nothing that the state should know of."""


class InitError(Exception):
    """The resource exists, but it is not as it should be. The state keeps it and why, and the next run goes on.

    Attributes:
        id: of the resource.
        outputs: as far as they are known.
        inputs: what a read found instead of the inputs in the state, or None.
        reasons: one sentence each.
    """

    def __init__(self, id_: str, outputs: Properties, reasons: list[str], *, inputs: Properties | None = None) -> None:
        # The words are hashicorp/go-multierror's, which `InitError` in pulumi:sdk/go/common/resource/plugin prints.
        count = "1 error" if len(reasons) == 1 else f"{len(reasons)} errors"
        super().__init__(f"{count} occurred:\n" + "\n".join(f"\t* {reason}" for reason in reasons) + "\n\n")
        self.id = id_
        self.outputs = outputs
        self.reasons = reasons
        self.inputs = inputs


@dataclass(frozen=True)
class CheckFailure:
    """One thing that is wrong with a resource's inputs; `property` may be ""."""

    property: str
    reason: str


@dataclass(frozen=True)
class CheckResult:
    """The inputs as the provider will take them, with its defaults; or what is wrong with them."""

    inputs: Properties
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True)
class Diff:
    """How a resource differs from its new inputs.

    Attributes:
        changes: whether there is anything to do.
        replace: paths that force a replacement.
        detailed: kind of change (add, update, delete, each also with `-replace`) by path.
        delete_before_replace: whether both cannot exist at once.
    """

    changes: bool = False
    replace: list[str] = field(default_factory=list)
    detailed: dict[str, str] = field(default_factory=dict)
    delete_before_replace: bool = False


@dataclass(frozen=True)
class Reading:
    """A resource as it really is. `inputs` None: the inputs in the state still hold."""

    id: str
    outputs: Properties
    inputs: Properties | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one call to a provider is about.

    Attributes:
        urn: of the resource.
        id: of the resource, as far as it exists.
        olds: its inputs in the state; None in `check` of a resource that is new or will be replaced.
        outputs: its outputs in the state.
        news: the inputs that the program wants, which may be unknown in part; in `read` and `delete` nothing.
        timeout: seconds, 0 for the provider's own.
        ignore_changes: paths at which differences do not count.
        preview: change nothing.
    """

    urn: str
    id: str = ""
    olds: Properties | None = None
    outputs: Properties = field(default_factory=dict)
    news: Properties = field(default_factory=dict)
    timeout: float = 0
    ignore_changes: list[str] = field(default_factory=list)
    preview: bool = False

    @property
    def type(self) -> str:
        """The resource's type token."""
        return type_of(self.urn)


class Provider(Protocol):
    """A configured provider. Its methods are called from several threads at once.

    All raise ProviderError if they changed nothing, and InitError if the resource exists in an unwanted condition.
    """

    def check(self, request: Request) -> CheckResult:
        """Validate the new inputs and fill in defaults."""
        ...

    def diff(self, request: Request) -> Diff:
        """Compare the resource with the new inputs."""
        ...

    def create(self, request: Request) -> tuple[str, Properties]:
        """Create the resource; its id ("" in a preview) and outputs."""
        ...

    def read(self, request: Request) -> Reading | None:
        """The resource as it is, or None if it does not exist."""
        ...

    def update(self, request: Request) -> Properties:
        """Change the resource in place; its outputs."""
        ...

    def delete(self, request: Request) -> None:
        """Delete the resource; one that is gone already is fine."""
        ...

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Call a function of the package; it changes nothing."""
        ...

    def cancel(self) -> None:
        """Let every wait end soon."""
        ...
