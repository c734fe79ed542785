"""Runs the real `pulumi` on the stacks of one lab.

Owns the lab's copies of the stack files, the backend and passphrase below the lab's home, and the command lines. What
the command does and says is Pulumi's own.
"""

import json
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
from lab.servers import object_store
from lab.servers.folder import locked
from lab.servers.stand_ins import plugins
from lab.servers.supervisor import Supervisor
from lab.stacks import done, outputs, state
from lab.stacks.copies import Copies
from lab.stacks.display import Display, Quiet, Screen, Watch
from lab.stacks.files import Stack
from lab.stacks.interruptions import Interruptions
from lab.stacks.overrides import backed_up, refuse_foreign
from lab.stacks.settings import effective

# The actions of `pulumi` that are commands of the lab under the same name.
COMMANDS = ("up", "preview", "destroy")
# The folder with the project's policies.
POLICY_PACK = "policy"


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
        self.home = Home(environment.root)
        # A project of the lab's own around the checkout's program, so that Pulumi never writes into the checkout.
        self.project = self.home.folder("stacks")
        self._copies = Copies(self.project)
        self._progress = progress or Silent()
        self._installation = install(self.home, self._progress)

    @property
    def command(self) -> str:
        """The path of `pulumi`."""
        return str(self._installation.command)

    def knows(self, stacks: Sequence[Stack]) -> bool:
        """Whether all these stacks have been prepared before."""
        return all(self._copies.exists(stack) for stack in stacks)

    def prepare(self, stacks: Sequence[Stack], *, subscribe: bool = True) -> None:
        """Write the settings of these stacks and create those that do not exist; a reference needs both of its ends.

        With `subscribe=False` replicated databases do not follow one another, whatever the stack file says.

        Raises:
            LabError: a stack is of another cluster than the lab's, or the store that it asks for does not start;
                nothing is written then.
        """
        for stack in stacks:
            refuse_foreign(stack, self._environment)
        self._write_project()
        if any(backed_up(stack, self._environment) for stack in stacks):
            with locked(self.home, self._progress):
                object_store.ensure(Supervisor(self.home, self._progress))
        for stack in stacks:
            if not self._copies.is_initialized(stack):
                # It writes the file in its own way, which must be done before the settings are written.
                self._check(self._run([self.command, "stack", "init", stack.name]))
            self._copies.write(stack, effective(stack, stacks, self._environment, subscribe=subscribe))

    def put_back(self) -> None:
        """Give the lab's copies of stack files the content again that they had before `prepare`."""
        self._copies.put_back()

    def is_new(self, stack: Stack) -> bool:
        """Whether an `up` of this stack, which is prepared, may do anything else than the last one that succeeded.

        The first `up` of a stack is not: there is nothing that it could delete.
        """
        if not state.existing(state.resources(self.home, stack.name)):
            return False
        return stack.name in self._copies.changed or not done.matches(self.home, stack.name, self._digest(stack))

    def plan(self, stack: Stack) -> dict[str, Any] | None:
        """What `up` would do, as Pulumi's preview tells programs; None where the preview fails."""
        made = self._run([*self.line("preview", stack), "--json"])
        try:
            found: dict[str, Any] = json.loads(made.stdout)
        except ValueError:
            return None
        return None if made.returncode else found

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
        if action != "preview":
            done.forget(self.home, stack.name)
        line = self.line(action, stack, arguments)
        code = self._run(line).returncode if quiet else self._show(line, stack, output)
        if action == "up" and code == 0:
            done.keep(self.home, stack.name, self._digest(stack))
        return code

    def cancel(self, stack: Stack) -> None:
        """Remove Pulumi's lock from a stack.

        Raises:
            LabError: Pulumi refuses.
        """
        self._check(self._run([self.command, "cancel", "--yes", "--stack", stack.name]))

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
        passphrase = self.home.root / "passphrase"
        if not passphrase.exists():
            write_private(passphrase, secrets.token_urlsafe(32).encode())
        return {
            **self._environment.environ(),
            **self._installation.environ,
            # A file of attributes beside the state is not written atomically: a killed run could leave it unreadable.
            "PULUMI_BACKEND_URL": f"{self.home.folder('state').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def _digest(self, stack: Stack) -> str:
        return done.digest(self._copies.config(stack), self._checkout)

    def _write_project(self) -> None:
        """The checkout's project file, with the places of its program and of this virtual environment."""
        project = yaml.safe_load((self._checkout / "Pulumi.yaml").read_text())
        project["main"] = str(self._checkout)
        project["runtime"]["options"]["virtualenv"] = sys.prefix
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
        # For `--policy-pack policy`, as it is written in the checkout.
        pack = self.project / f"{POLICY_PACK}.{os.getpid()}"
        pack.symlink_to(self._checkout / POLICY_PACK)
        pack.rename(self.project / POLICY_PACK)

    def _run(self, line: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command quietly, to its own end."""
        screen = Quiet()
        with Interruptions() as interruptions:
            code = self._follow(line, screen, interruptions, lambda: "")
            interruptions.end()
        return subprocess.CompletedProcess(line, code, *screen.kept())

    def _show(self, line: Sequence[str], stack: Stack, output: IO[str] | None) -> int:
        """Run an action and show it; then the outputs that it has changed."""
        screen = Screen(output)
        before = outputs.of(state.latest(self.home, stack.name))
        options = ["--color", screen.colour, "--suppress-progress"]
        if line[1] != "preview":
            options.append("--suppress-outputs")
        with Interruptions() as interruptions:
            code = self._follow([*line, *options], screen, interruptions, lambda: self._awaited(stack))
            after = outputs.of(state.latest(self.home, stack.name))
            screen.list("Outputs", list(outputs.changes(before, after)))
            interruptions.end()
        return code

    def _follow(
        self, line: Sequence[str], screen: Screen, interruptions: Interruptions, awaited: Callable[[], str]
    ) -> int:
        def dead() -> list[str]:
            return [process.name for process in self._environment.processes() if not process.alive]

        action = line[1]
        command = f"`python -m lab {action}`" if action in COMMANDS else "the same command"
        again = command if action == "up" else f"`python -m lab up --no-stacks`, then {command}"
        watch = Watch(awaited=awaited, dead=dead, command=command, again=again)
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with interruptions.begin(line, cwd=self.project, env=self.environ(), **piped) as process:
            return Display(screen, watch).follow(process, interruptions)

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
