"""The program's stacks on the lab: their settings, and `pulumi`, or the lab's engine in its place.

Owns the lab's overrides of the stack files (never the files themselves), the backend below the lab's home, and the
command line. Both commands take the same arguments, so nothing else of the lab knows which of the two runs.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from lab import databases
from lab.environment import Environment
from lab.home import CHECKOUT, Home, LabError
from lab.rotation import numbers
from lab.servers.certificates import write_private

# What a person with Pulumi has on PATH; one missing and `pulumi` could not run the program offline.
PULUMI = ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes", "pulumi-resource-vault")


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


def overrides(stack: Stack, environment: Environment) -> dict[str, Any]:
    """The settings that differ on the lab: where Vault and the API server are, its rotations, protection.

    Nothing is protected unless the stack file itself says so.

    Raises:
        LabError: the stack's context is none of the lab's.
    """
    if stack.context not in environment.contexts:
        raise LabError(
            f"Pulumi.{stack.name}.yaml has rhsi:cluster.context {stack.context!r}, but the lab's contexts are "
            f"{', '.join(environment.contexts)}: use one of them."
        )
    vault: dict[str, Any] = {**stack.section("vault"), "address": environment.vault_addr}
    if environment.vault_cacert:
        vault["ca"] = environment.vault_cacert.read_text()
    cluster = dict(stack.section("cluster"))
    found = {"rhsi:vault": vault, "rhsi:cluster": cluster, "rhsi:protect": stack.config.get("rhsi:protect", False)}
    if not stack.is_primary:
        cluster["apiServer"] = environment.api_servers[stack.context]
    elif rotations := numbers.load(Home(environment.root)):
        found["rhsi:standbys"] = numbers.merge(stack.section("standbys"), rotations)
    return found


class Runner:
    """Runs commands on stacks of one lab."""

    def __init__(self, environment: Environment, checkout: Path = CHECKOUT) -> None:
        self._environment = environment
        self._checkout = checkout
        self._home = Home(environment.root)
        # `stack init` has no --config-file and would write into the checkout; from here it writes into the lab.
        self._project = self._home.folder("stacks")
        self.command: Sequence[str] = (
            ["pulumi"] if all(map(shutil.which, PULUMI)) else [sys.executable, "-m", "lab.engine"]
        )

    def prepare(self, stacks: Sequence[Stack], *, subscribe: bool = True) -> None:
        """Write the settings of these stacks and create those that do not exist; a reference needs both of its ends.

        With `subscribe=False` replicated databases do not follow one another, whatever the stack file says.
        """
        shutil.copy(self._checkout / "Pulumi.yaml", self._project / "Pulumi.yaml")
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
                self._check(
                    self._run([*self.command, "-C", str(self._project), "stack", "init", stack.name], quiet=True)
                )

    def run(
        self,
        action: str,
        stack: Stack,
        arguments: Sequence[str] = (),
        *,
        quiet: bool = False,
        output: IO[str] | None = None,
    ) -> int:
        """Run `up`, `preview`, `refresh` or `destroy` on a stack, its output here or in `output`; the exit code."""
        return self._run(self.line(action, stack, arguments), quiet=quiet, output=output).returncode

    def line(self, action: str, stack: Stack, arguments: Sequence[str] = ()) -> list[str]:
        """The command line of an action on a stack, without questions."""
        line = [*self.command, action, "--stack", stack.name, "--config-file", str(self._config_file(stack))]
        if action != "preview":
            line.append("--yes")
        if action in {"up", "destroy"}:
            line.append("--skip-preview")
        return [*line, "--non-interactive", *arguments]

    def environ(self) -> dict[str, str]:
        """The environment of the command: the person's own, with the lab's servers, backend and passphrase."""
        passphrase = self._home.root / "passphrase"
        if not passphrase.exists():
            write_private(passphrase, secrets.token_urlsafe(32).encode())
        return {
            **os.environ,
            **self._environment.environ(),
            "PULUMI_BACKEND_URL": self._home.folder("state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_HOME": str(self._home.folder("pulumi")),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def _config_file(self, stack: Stack) -> Path:
        return self._project / f"Pulumi.{stack.name}.yaml"

    def _run(
        self, line: Sequence[str], *, quiet: bool = False, output: IO[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        stdout, stderr = (subprocess.PIPE, subprocess.PIPE) if quiet else (output, output)
        return subprocess.run(
            line,
            cwd=self._checkout,
            env=self.environ(),
            check=False,
            text=True,
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
        )

    @staticmethod
    def _check(done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode:
            raise LabError(f"`{' '.join(done.args[-3:])}` failed: {(done.stderr or done.stdout).strip()}")
