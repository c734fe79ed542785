"""The engine's own resources: `pulumi:pulumi:StackReference` and `pulumi:index:Stash`.

Source: pulumi:pkg/resource/deploy/builtins.go.
"""

import uuid
from collections.abc import Callable

from lab.engine.providers.base import CheckFailure, CheckResult, Diff, ProviderError, Reading, Request
from lab.engine.values import Properties, has_secret

STACK_REFERENCE = "pulumi:pulumi:StackReference"
STASH = "pulumi:index:Stash"
_PROPERTY = {STACK_REFERENCE: "name", STASH: "input"}


class BuiltinProvider:
    """Serves both; `read_outputs` gives the outputs of another stack by its full name."""

    def __init__(self, read_outputs: Callable[[str], Properties]) -> None:
        self._read_outputs = read_outputs

    def check(self, request: Request) -> CheckResult:
        """Exactly the one property that the type has must be there."""
        name = _PROPERTY.get(request.type)
        if name is None:
            raise ProviderError(f"unrecognized resource type '{request.type}'")
        unknown = [CheckFailure(key, f'unknown property "{key}"') for key in request.news if key != name]
        missing = [] if name in request.news else [CheckFailure(name, f'missing required property "{name}"')]
        return CheckResult(request.news, tuple(unknown or missing))

    def diff(self, request: Request) -> Diff:
        """A stash changes with its input; another stack is another reference."""
        name = _PROPERTY[request.type]
        if (request.olds or {}).get(name) == request.news.get(name):
            return Diff()
        if request.type == STACK_REFERENCE:
            return Diff(True, [name], {name: "update-replace"})
        return Diff(True, [], {name: "update"})

    def create(self, request: Request) -> tuple[str, Properties]:
        """A stash takes its input as output, once and for all."""
        id_ = "" if request.preview else str(uuid.uuid4())
        if request.type == STASH:
            return id_, {"input": request.news["input"], "output": request.news["input"]}
        return id_, self._reference(request.news)

    def read(self, request: Request) -> Reading:
        """The other stack's outputs as they are now; a stash as it was."""
        inputs = request.olds or {}
        if request.type == STASH:
            return Reading(request.id, request.outputs, inputs)
        if "name" not in inputs:
            raise ProviderError("stack reference can not be imported")
        return Reading(request.id, self._reference(inputs), inputs)

    def update(self, request: Request) -> Properties:
        """A stash keeps its output."""
        return {"input": request.news["input"], "output": request.outputs.get("output")}

    def delete(self, request: Request) -> None:
        """Nothing exists outside the state."""

    def cancel(self) -> None:
        """Nothing waits."""

    def _reference(self, inputs: Properties) -> Properties:
        outputs = self._read_outputs(inputs["name"])
        secret_names = sorted(name for name, value in outputs.items() if has_secret(value))
        return {"name": inputs["name"], "outputs": outputs, "secretOutputNames": secret_names}
