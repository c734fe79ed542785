"""Runs the real `pulumi` on the stacks of one lab.

Owns the lab's copies of the stack files, the backend and passphrase below the lab's home, and the command lines. What
the command does and says is Pulumi's own.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from lab import binaries
from lab.environment import Environment
from lab.files import write_private
from lab.home import CHECKOUT, Home, LabError
from lab.progress import Progress, Silent
from lab.pulumi import installation
from lab.servers.folder import locked
from lab.servers.stand_ins import plugins
from lab.servers.supervisor import Supervisor
from lab.stacks import databases, outputs
from lab.stacks.display import Display, Screen, Watch
from lab.stacks.files import Stack
from lab.stacks.interruptions import Interruptions
from lab.stacks.overrides import overrides


class Runner:
    """Runs commands on stacks of one lab."""

    def __init__(
        self,
        environment: Environment,
        checkout: Path = CHECKOUT,
        progress: Progress | None = None,
        awaited: Callable[[Stack], str] | None = None,
    ) -> None:
        """Find `pulumi`, or build it, which takes minutes once and shows in `progress`.

        Args:
            environment: the lab.
            checkout: with the program and the stack files.
            progress: of the build.
            awaited: what a stack's pods, objects or servers say, for the lines that break a long silence.

        Raises:
            LabError: it cannot be had.
        """
        self._environment = environment
        self._checkout = checkout
        self._awaited = awaited or (lambda _: "")
        self._home = Home(environment.root)
        # A project of the lab's own around the checkout's program, so that Pulumi never writes into the checkout.
        self.project = self._home.folder("stacks")
        self._installation = install(self._home, progress or Silent())

    @property
    def command(self) -> str:
        """The path of `pulumi`."""
        return str(self._installation.command)

    def knows(self, stacks: Sequence[Stack]) -> bool:
        """Whether all these stacks have been prepared before."""
        return all(self._config_file(stack).exists() for stack in stacks)

    def prepare(self, stacks: Sequence[Stack], *, subscribe: bool = True) -> None:
        """Write the settings of these stacks and create those that do not exist; a reference needs both of its ends.

        With `subscribe=False` replicated databases do not follow one another, whatever the stack file says.
        """
        self._write_project()
        for stack in stacks:
            file = self._config_file(stack)
            known = yaml.safe_load(file.read_text()) if file.exists() else {}
            # Pulumi keeps what it needs to decrypt the stack beside the settings.
            kept = {key: value for key, value in (known or {}).items() if key != "config"}
            wanted = databases.settings(stack, stacks, self._environment.without)
            config = {**stack.config, **wanted, **overrides(stack, self._environment)}
            if not subscribe and "rhsi:edb" in config:
                config["rhsi:edb"] = {**config["rhsi:edb"], "subscribe": False}
            write_private(file, yaml.safe_dump({**kept, "config": config}, sort_keys=False).encode())
            if not kept:
                self._check(self._run([self.command, "stack", "init", stack.name]))

    def run(
        self,
        action: str,
        stack: Stack,
        arguments: Sequence[str] = (),
        *,
        quiet: bool = False,
        output: IO[str] | None = None,
    ) -> int:
        """Run `up`, `preview`, `refresh` or `destroy` on a stack, its output here or in `output`; the exit code.

        Raises:
            LabError: a server of the lab died meanwhile.
            KeyboardInterrupt: Ctrl-C was pressed; `pulumi` has ended.
            SystemExit: the lab was told to end; `pulumi` has ended.
        """
        line = self.line(action, stack, arguments)
        return self._run(line).returncode if quiet else self._show(line, stack, output)

    def line(self, action: str, stack: Stack, arguments: Sequence[str] = ()) -> list[str]:
        """The command line of an action on a stack, without questions; it is run in the folder `project`."""
        line = [self.command, action, "--stack", stack.name]
        if action != "preview":
            line.append("--yes")
        if action in {"up", "destroy"}:
            line.append("--skip-preview")
        return [*line, "--non-interactive", *arguments]

    def environ(self) -> dict[str, str]:
        """The environment of the command: the person's own, with the lab's."""
        return {**os.environ, **self.own_environ()}

    def own_environ(self) -> dict[str, str]:
        """The lab's part of it: servers, PATH, backend and passphrase."""
        passphrase = self._home.root / "passphrase"
        if not passphrase.exists():
            write_private(passphrase, secrets.token_urlsafe(32).encode())
        return {
            **self._environment.environ(),
            **self._installation.environ,
            # A file of attributes beside the state is not written atomically: a killed run could leave it unreadable.
            "PULUMI_BACKEND_URL": f"{self._home.folder('state').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def _config_file(self, stack: Stack) -> Path:
        return self.project / f"Pulumi.{stack.name}.yaml"

    def _write_project(self) -> None:
        """The checkout's project file, with the places of its program and of this virtual environment."""
        project = yaml.safe_load((self._checkout / "Pulumi.yaml").read_text())
        project["main"] = str(self._checkout)
        project["runtime"]["options"]["virtualenv"] = sys.prefix
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))

    def _run(self, line: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in silence, to its own end."""
        with Interruptions() as interruptions:
            with interruptions.begin(line, **self._options(), text=True) as process:
                said = process.communicate()
            interruptions.end()
        return subprocess.CompletedProcess(line, process.returncode, *said)

    def _show(self, line: Sequence[str], stack: Stack, output: IO[str] | None) -> int:
        """Run an action and show it; then the outputs that it has changed."""
        screen = Screen(output)
        is_preview = line[1] == "preview"
        before = self._outputs(stack)
        shown = ["--color", screen.colour, "--suppress-progress", *([] if is_preview else ["--suppress-outputs"])]
        with Interruptions() as interruptions:
            with interruptions.begin([*line, *shown], **self._options()) as process:
                code = Display(screen, self._watch(line[1], stack)).follow(process, interruptions)
            screen.list("Outputs", list(outputs.changes(before, self._outputs(stack))))
            interruptions.end()
        return code

    def _options(self) -> dict[str, Any]:
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return {"cwd": self.project, "env": self.environ(), **piped}

    def _watch(self, action: str, stack: Stack) -> Watch:
        return Watch(
            awaited=lambda: self._awaited(stack),
            dead=lambda: [process.name for process in self._environment.processes() if not process.alive],
            again="`python -m lab up`" + ("" if action == "up" else " --no-stacks`, then the same command again"),
        )

    def _outputs(self, stack: Stack) -> dict[str, Any]:
        project = yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]
        return outputs.read(self._home.folder("state"), project, stack.name)

    @staticmethod
    def _check(done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode:
            raise LabError(f"`{' '.join(done.args[-3:])}` failed: {(done.stderr or done.stdout).strip()}")


def install(home: Home, progress: Progress) -> installation.Installation:
    """The real `pulumi` with what it needs, ready to run.

    Raises:
        LabError: it can neither be found nor built.
    """
    names, complete = [installation.COMMAND], not installation.missing_packages()
    if not installation.language_host_on_path():
        names.append(installation.EXECUTOR)
        complete = False
    paths = binaries.locate(names, progress)
    if not complete:
        with locked(home, progress):
            supervisor = Supervisor(home, progress)
            supervisor.ensure(lambda: plugins(supervisor))
    return installation.install(home, paths[installation.COMMAND], paths.get(installation.EXECUTOR))
