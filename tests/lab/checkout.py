"""A checkout of the program for tests that change its stack files, and commands on its stacks as the lab runs them."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import stacks
from lab.environment import Environment
from lab.home import CHECKOUT
from lab.stacks import Runner, Stack


@dataclass
class Result:
    """What a command printed, standard output and error together, and its exit code."""

    code: int
    text: str


@dataclass
class Checkout:
    """A copy of the checkout, and who runs its stacks where."""

    root: Path
    environment: Environment

    @classmethod
    def copy(cls, root: Path, environment: Environment, *, databases: bool = False) -> "Checkout":
        """Copy what the program and `python -m lab` need; the stacks have databases only where a test wants them."""
        for folder in ("components", "lab", "ops", "policy"):
            shutil.copytree(CHECKOUT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in (CHECKOUT / "__main__.py", *CHECKOUT.glob("Pulumi*.*")):
            shutil.copy(file, root / file.name)
        found = cls(root, environment)
        for stack in found.stacks() if not databases else []:
            found.change(stack.name, "postgres.enabled", False)
            found.change(stack.name, "edb.enabled", False)
        return found

    def change(self, stack: str, path: str, value: object) -> None:
        """Set one value of a stack file, such as `standbys.site-b.rotation`."""
        file = self.root / f"Pulumi.{stack}.yaml"
        content: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {"config": {}}
        first, *rest = path.split(".")
        keys = [f"rhsi:{first}", *rest]
        target = content["config"]
        for key in keys[:-1]:
            target = target.setdefault(key, {})
        target[keys[-1]] = value
        file.write_text(yaml.safe_dump(content))

    def stacks(self) -> list[Stack]:
        """Its stacks, primary first."""
        return stacks.discover(self.root)

    def run(self, action: str, name: str, *arguments: str, secrets: Mapping[str, str] | None = None) -> Result:
        """Run `up`, `preview`, `refresh` or `destroy` on one stack, with config secrets by their path below `rhsi:`."""
        runner = Runner(self.environment, self.root)
        runner.prepare(self.stacks())
        for path, value in (secrets or {}).items():
            result = self.pulumi("config", "set", "--secret", "--path", f"rhsi:{path}", "--stack", name, "--", value)
            assert result.code == 0, result.text
        (stack,) = [stack for stack in self.stacks() if stack.name == name]
        return self._done(runner.line(action, stack, arguments), runner)

    def pulumi(self, *arguments: str) -> Result:
        """Run any other command of `pulumi`."""
        runner = Runner(self.environment, self.root)
        return self._done([runner.command, *arguments], runner)

    def up(self, *names: str) -> None:
        """Bring stacks up, one after the other; all of them without names."""
        for name in names or [stack.name for stack in self.stacks()]:
            result = self.run("up", name)
            assert result.code == 0, result.text

    def destroy(self, *names: str) -> None:
        """Destroy stacks, one after the other; all of them without names, standbys first."""
        for name in names or [stack.name for stack in reversed(self.stacks())]:
            result = self.run("destroy", name)
            assert result.code == 0, result.text

    def remove(self) -> None:
        """Destroy all stacks whatever state a test left them in: also a locked one, and what is protected."""
        for stack in reversed(self.stacks()):
            self.change(stack.name, "protect", False)
            self.pulumi("cancel", "--yes", "--stack", stack.name)
            self.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack.name)
        self.destroy()

    def forget_added(self) -> None:
        """Remove the stacks that a test has added from the lab's project: `python -m ops` would speak of them too."""
        own = {stack.file for stack in stacks.discover(CHECKOUT)}
        for file in Runner(self.environment, self.root).project.glob("Pulumi.*.yaml"):
            if file.name not in own:
                name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
                result = self.pulumi("stack", "rm", "--yes", "--stack", name)
                assert result.code == 0, result.text

    def value(self, stack: str, path: str, default: Any = None) -> Any:
        """One value of a stack file, as `change` sets it."""
        first, *rest = path.split(".")
        found = yaml.safe_load((self.root / f"Pulumi.{stack}.yaml").read_text())["config"]
        for key in [f"rhsi:{first}", *rest]:
            if not isinstance(found, dict) or key not in found:
                return default
            found = found[key]
        return found

    def rotation(self, site: str = "site-b") -> int:
        """The number that the primary's stack file has for a standby."""
        return int(self.value("site-a", f"standbys.{site}.rotation", 1))

    def next_rotation(self, site: str = "site-b") -> int:
        """One more of it, in the file."""
        number = self.rotation(site) + 1
        self.change("site-a", f"standbys.{site}.rotation", number)
        return number

    def outputs(self, name: str) -> dict[str, Any]:
        """A stack's outputs."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "--stack", name).text)
        return found

    def _done(self, line: Sequence[str], runner: Runner) -> Result:
        done = subprocess.run(
            line,
            cwd=runner.project,
            env=runner.environ(),
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        return Result(done.returncode, done.stdout)
