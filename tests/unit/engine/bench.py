"""A project in a temporary folder and a provider in memory, to run programs with.

A program is a few lines of source; it finds `Thing`, a resource of the in-memory provider, and `options` in its scope.
"""

import io
import json
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.engine.backend import Backend, StackName
from lab.engine.deploy import Deployer, Request
from lab.engine.display import Display
from lab.engine.errors import EngineError
from lab.engine.project import Project
from lab.engine.providers import base
from lab.engine.providers.base import CheckFailure, CheckResult, Diff, InitError, ProviderError, Reading
from lab.engine.providers.compare import differences
from lab.engine.run import Options
from lab.engine.stack import Stack
from lab.engine.values import Properties, has_unknown, reveal

_PRELUDE = """
import json
import pulumi
from pulumi import ResourceOptions as options

class Thing(pulumi.CustomResource):
    value: pulumi.Output[str]
    code: pulumi.Output[str]

    def __init__(self, name, opts=None, **properties):
        super().__init__("fake:index:Thing", name, {"value": None, "code": None, **properties}, opts)
"""


class Cloud:
    """The in-memory provider and, at the same time, its package.

    Inputs with a meaning: a change of `fixed` replaces; `exclusive` asks for delete-before-replace; `fail` makes the
    operation of that name fail; `unready` makes creation end in an unwanted condition; `hold` waits for `released`.
    Every thing has an output `code`, made at its creation.
    """

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.begun = threading.Event()
        self.released = threading.Event()
        self.ready = False
        self._serial = 0
        self._lock = threading.Lock()

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """No configuration of the package matters."""
        return Diff(changes=olds != news)

    def configure(self, _inputs: Properties) -> base.Provider:
        """The provider is its own package."""
        return self

    def _note(self, verb: str, request: base.Request) -> None:
        with self._lock:
            self.calls.append(f"{verb} {request.urn.rpartition('::')[2]}")

    def check(self, request: base.Request) -> CheckResult:
        """Refuse `value="refused"`."""
        failures = (CheckFailure("value", "it is refused"),) if request.news.get("value") == "refused" else ()
        return CheckResult(request.news, failures)

    def diff(self, request: base.Request) -> Diff:
        """Replace when `fixed` changes."""
        found = differences(reveal(request.olds or {}), reveal(request.news))
        detailed = {str(path[0]): f"{kind}-replace" if path[0] == "fixed" else kind for path, kind in found.items()}
        replace = [path for path, kind in detailed.items() if "replace" in kind]
        return Diff(bool(detailed), replace, detailed, bool(request.news.get("exclusive")))

    def create(self, request: base.Request) -> tuple[str, Properties]:
        """Make a thing."""
        plain = reveal(request.news)
        if request.preview:
            assert has_unknown(plain) or plain is not None
            return "", dict(request.news)
        self._note("create", request)
        self._obey(plain, "create")
        with self._lock:
            self._serial += 1
            id_ = f"id-{self._serial}"
            self.things[id_] = {**plain, "code": f"code-{self._serial}"}
        outputs = {**request.news, "code": self.things[id_]["code"]}
        if plain.get("unready") and not self.ready:
            raise InitError(id_, outputs, ["it is not ready"])
        return id_, outputs

    def _obey(self, plain: dict[str, Any], verb: str) -> None:
        if plain.get("fail") == verb:
            raise ProviderError(f"the cloud cannot {verb} this")
        if plain.get("hold") == verb:
            self.begun.set()
            self.released.wait(30)

    def read(self, request: base.Request) -> Reading | None:
        """The thing as it is; its inputs are those that it was made with."""
        self._note("read", request)
        thing = self.things.get(request.id)
        if thing is None:
            return None
        return Reading(request.id, dict(thing), {key: thing[key] for key in request.olds or {} if key in thing})

    def update(self, request: base.Request) -> Properties:
        """Change a thing, or see whether it is ready now."""
        if request.preview:
            return {**request.outputs, **request.news}
        self._note("update", request)
        plain = reveal(request.news)
        self._obey(plain, "update")
        code = self.things[request.id]["code"]
        self.things[request.id] = {**plain, "code": code}
        outputs = {**request.news, "code": code}
        if plain.get("unready") and not self.ready:
            raise InitError(request.id, outputs, ["it is still not ready"])
        return outputs

    def delete(self, request: base.Request) -> None:
        """Unmake a thing."""
        self._note("delete", request)
        self._obey(reveal(request.outputs), "delete")
        self.things.pop(request.id, None)

    def cancel(self) -> None:
        """Let go of whatever is held."""
        self.released.set()


@dataclass
class Bench:
    """Runs programs against one stack. `text` is what the last run printed, `error` how it ended."""

    folder: Path
    cloud: Cloud = field(default_factory=Cloud)
    stack: str = "dev"
    text: str = ""
    error: EngineError | None = None
    display: Display | None = None

    def __post_init__(self) -> None:
        self.write("Pulumi.yaml", "name: proj\nruntime: python\n")
        self.backend = Backend(self.folder)
        self.make_stack("dev")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def program(self, source: str) -> None:
        self.write("__main__.py", _PRELUDE + textwrap.dedent(source))

    def make_stack(self, name: str) -> None:
        self.backend.save(StackName("proj", name), {})

    def open(self) -> Stack:
        return Stack.open(Project.find(self.folder), self.backend, self.stack, None)

    def _run(self, act: Callable[[Deployer], None], options: Options) -> None:
        out = io.StringIO()
        self.cloud.calls.clear()
        stack = self.open()
        self.display = Display(stack.name, preview=options.preview, out=out)
        stack.tell = self.display.diagnostic
        deployer = Deployer(stack, self.display, options, lambda _log: {"fake": self.cloud})
        self.error = None
        try:
            act(deployer)
        except EngineError as error:
            self.error = error
        self.text = out.getvalue()

    def up(self, source: str | None = None, **flags: Any) -> list[str]:
        """Run `up`; what it asked of the provider, in order."""
        if source is not None:
            self.program(source)
        options, request = _split(flags)
        self._run(lambda deployer: deployer.up(request), options)
        return list(self.cloud.calls)

    def preview(self, source: str | None = None, **flags: Any) -> list[str]:
        return self.up(source, preview=True, **flags)

    def refresh(self, **flags: Any) -> list[str]:
        options, request = _split(flags)
        self._run(lambda deployer: deployer.refresh(request), options)
        return list(self.cloud.calls)

    def destroy(self, **flags: Any) -> list[str]:
        options, request = _split(flags)
        self._run(lambda deployer: deployer.destroy(request), options)
        return list(self.cloud.calls)

    @property
    def counts(self) -> dict[str, int]:
        assert self.display is not None
        return {op: count for op, count in self.display.counts.items() if count}

    def saved(self) -> dict[str, Any]:
        return self.backend.load(StackName("proj", self.stack))

    def resource(self, name: str) -> dict[str, Any]:
        """A resource as the state file has it."""
        found: dict[str, Any] = next(
            item for item in self.saved()["resources"] if item["urn"].endswith(f"::{name}") and not item.get("delete")
        )
        return found

    def names(self) -> list[str]:
        """The names of all things in the state, in its order."""
        return [item["urn"].rpartition("::")[2] for item in self.saved()["resources"] if "Thing" in item["type"]]

    def outputs(self) -> Properties:
        root = self.open().deployment().stack()
        assert root is not None
        return root.outputs

    def file(self) -> str:
        """The state file as text."""
        return json.dumps(self.saved())


def _split(flags: dict[str, Any]) -> tuple[Options, Request]:
    own = {key: flags[key] for key in ("preview", "targets", "replacements") if key in flags}
    return Options(**own), Request(**{key: value for key, value in flags.items() if key not in own})
