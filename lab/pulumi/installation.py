"""Where `pulumi` finds what the lab adds to it: the language host beside itself, the plugins in `$PULUMI_HOME`.

Owns the folders `bin` and `home` below the lab's `pulumi`. In these two places the engine takes a plugin without a
warning (pulumi:sdk/go/common/workspace/plugins.go, `getPluginInfoAndPath`). A program or plugin of the machine comes
first: one on PATH, or one installed in the person's own `$PULUMI_HOME`.
"""

import importlib.metadata
import os
import shlex
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.binaries.find import find
from lab.home import CHECKOUT, Home

PACKAGES = ("kubernetes", "vault")
LANGUAGE_HOST = "python"
COMMAND = "pulumi"
EXECUTOR = "pulumi-language-python-exec"
LAUNCHER = Path(__file__).with_name("launcher.py")
SOCKET = "plugins.sock"
# A launcher is shorter; a real plugin is a hundred megabytes.
HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The real `pulumi` of a lab.

    Attributes:
        command: its path.
        environ: with which it finds its plugins.
    """

    command: Path
    environ: dict[str, str]


def socket_path(home: Home) -> Path:
    """Where the resident process of this lab listens."""
    return home.folder("pulumi") / SOCKET


def language_host_on_path() -> bool:
    """Whether the machine has Pulumi's own language host for Python."""
    return _theirs("pulumi-language-python")


def missing_packages() -> list[str]:
    """The packages for which the machine has no plugin of its own."""
    return [package for package in PACKAGES if not _on_path(package) and _installed(package) is None]


def install(home: Home, command: Path, executor: Path | None) -> Installation:
    """Put everything in place; what is there already is replaced.

    Args:
        home: of the lab.
        command: the `pulumi` that is to run.
        executor: Pulumi's script that runs a program, None where the machine has a language host of its own.
    """
    folder, pulumi_home = home.folder("pulumi", "bin"), home.folder("pulumi", "home")
    if executor is not None:
        # The engine looks beside the file that it runs, so a symbolic link would lead it elsewhere.
        own = folder / COMMAND
        _hard_link(command, own)
        write_launcher(home, folder / "pulumi-language-python", LANGUAGE_HOST, str(executor))
        command = own
    for package in PACKAGES:
        version = importlib.metadata.version(f"pulumi-{package}")
        place = pulumi_home / "plugins" / f"resource-{package}-v{version}"
        if place.is_symlink():
            place.unlink()
        if _on_path(package):
            shutil.rmtree(place, ignore_errors=True)
        elif installed := _installed(package):
            shutil.rmtree(place, ignore_errors=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(installed)
        else:
            place.mkdir(parents=True, exist_ok=True)
            write_launcher(home, place / f"pulumi-resource-{package}", package)
    folders = [str(command.parent), os.environ.get("PATH", os.defpath)]
    # The program asks with it (components/vault/issuer.py); what the machine has comes first.
    if kubectl := find("kubectl"):
        folders.append(str(kubectl.path.parent))
    path = os.pathsep.join(folders)
    environ = {"PATH": path, "PULUMI_HOME": str(pulumi_home)}
    if missing_packages():
        # `pulumi import` ends by printing code, for which it needs the schema that a stand-in does not have.
        environ["PULUMI_OPTION_GENERATE_CODE"] = "false"
    return Installation(command=command, environ=environ)


def _on_path(package: str) -> bool:
    return _theirs(f"pulumi-resource-{package}")


def _theirs(program: str) -> bool:
    """Whether PATH has a program that no lab wrote: in a lab's shell its own launchers are there."""
    found = shutil.which(program)
    return found is not None and not _is_launcher(Path(found))


def _is_launcher(file: Path) -> bool:
    """Whether a lab wrote this file, this one or another."""
    with file.open("rb") as content:
        return f"/{LAUNCHER.parent.name}/{LAUNCHER.name}".encode() in content.read(HEAD_BYTES)


def _installed(package: str) -> Path | None:
    """The plugin in the person's own home of Pulumi, of the version that the SDK asks for."""
    theirs = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    place = theirs / "plugins" / f"resource-{package}-v{importlib.metadata.version(f'pulumi-{package}')}"
    program = place / f"pulumi-resource-{package}"
    # In a lab's shell, PULUMI_HOME is the lab's.
    return place if program.is_file() and not _is_launcher(program) else None


def write_launcher(home: Home, file: Path, plugin: str, *arguments: str) -> None:
    """Write an executable that starts a plugin by way of this lab's resident process; `arguments` come first."""
    words = (sys.executable, "-I", "-S", LAUNCHER, sys.executable, CHECKOUT, socket_path(home), plugin, *arguments)
    command = " ".join(shlex.quote(str(word)) for word in words)
    text = f'#!/bin/sh\nexec {command} "$@"\n'
    if file.exists() and file.read_text() == text:
        return
    # Two commands may do this at once.
    written = file.with_name(f"{file.name}.{os.getpid()}")
    written.write_text(text)
    written.chmod(0o755)
    written.rename(file)


def _hard_link(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_ino == source.stat().st_ino:
        return
    target.unlink(missing_ok=True)
    with suppress(OSError):
        target.hardlink_to(source)
        return
    # Another file system.
    shutil.copy2(source, target)
