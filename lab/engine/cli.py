"""The command line: that part of `pulumi`'s which the lab uses, with the same words.

Source: pulumi:pkg/cmd/pulumi. Unknown arguments are refused rather than ignored.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from lab.engine import stack_commands
from lab.engine.backend import Backend
from lab.engine.deploy import Deployer, Request
from lab.engine.digest import Digest
from lab.engine.display import Display
from lab.engine.errors import AlreadyReportedError, EngineError, UsageError
from lab.engine.project import Project
from lab.engine.run import Options
from lab.engine.secrets import PassphraseError
from lab.engine.stack import Stack

_CONFIRM = "--yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive mode"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{message} (the lab's engine knows only a part of pulumi's arguments; see {self.prog} --help)"
        )


def _flags(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(name, action="store_true")


def _common() -> _Parser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-s", "--stack")
    common.add_argument("-C", "--cwd")
    common.add_argument("--config-file")
    common.add_argument("--color", choices=("auto", "never", "always", "raw"))
    common.add_argument("--non-interactive", action="store_true")
    common.add_argument("--logtostderr", action="store_true")
    return common


def _operations(commands: "argparse._SubParsersAction[_Parser]", common: _Parser) -> None:
    for name, aliases in (("preview", ["pre"]), ("up", ["update"]), ("refresh", []), ("destroy", ["down"])):
        parser = commands.add_parser(name, aliases=aliases, parents=[common])
        parser.set_defaults(run=_operate, operation=name)
        parser.add_argument("-t", "--target", action="append", default=[])
        parser.add_argument("-p", "--parallel", type=int, default=16)
        parser.add_argument("--message", "-m")
        _flags(parser, "--diff", "--expect-no-changes", "--json", "--suppress-progress", "--suppress-outputs")
        if name != "refresh":
            parser.add_argument("-r", "--refresh", action="store_true")
        if name != "preview":
            parser.add_argument("-y", "--yes", action="store_true")
            _flags(parser, "--skip-preview", "--preview-only")
        if name in ("preview", "up"):
            parser.add_argument("--replace", action="append", default=[])
            parser.add_argument("-c", "--config", action="append", default=[])
            _flags(parser, "--config-path", "--skip-config-validation")
        if name == "refresh":
            _flags(parser, "--clear-pending-creates")
        if name == "destroy":
            _flags(parser, "--exclude-protected", "--remove")


def _parser() -> _Parser:
    common = _common()
    parser = _Parser(
        prog="lab.engine", description="A small deployment engine in the place of pulumi.", parents=[common]
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    _operations(commands, common)
    cancel = commands.add_parser("cancel", parents=[common])
    cancel.add_argument("name", nargs="?")
    cancel.add_argument("-y", "--yes", action="store_true")
    cancel.set_defaults(run=stack_commands.cancel)
    commands.add_parser("version", parents=[common]).set_defaults(run=stack_commands.version)
    stack = commands.add_parser("stack", parents=[common]).add_subparsers(dest="action", required=True)
    config = commands.add_parser("config", parents=[common]).add_subparsers(dest="action", required=True)

    def add(
        group: "argparse._SubParsersAction[_Parser]", name: str, run: Callable[..., None], *flags: str
    ) -> argparse.ArgumentParser:
        added = group.add_parser(name, parents=[common])
        added.set_defaults(run=run)
        _flags(added, *flags)
        return added

    add(stack, "init", stack_commands.init, "--no-select").add_argument("name", nargs="?")
    add(stack, "ls", stack_commands.list_stacks, "--json", "--all")
    add(stack, "output", stack_commands.output, "--json", "--show-secrets").add_argument("name", nargs="?")
    add(stack, "export", stack_commands.export, "--show-secrets").add_argument("--file")
    remove = add(stack, "rm", stack_commands.remove, "--force", "--preserve-config", "--remove-backups")
    remove.add_argument("name", nargs="?")
    remove.add_argument("-y", "--yes", action="store_true")
    set_ = add(config, "set", stack_commands.config_set, "--path", "--secret", "--plaintext")
    set_.add_argument("key")
    set_.add_argument("value", nargs="?")
    add(config, "get", stack_commands.config_get, "--path", "--json").add_argument("key")
    return parser


def _operate(arguments: argparse.Namespace) -> None:
    """Run preview, up, refresh or destroy."""
    operation = arguments.operation
    only_preview = operation == "preview" or arguments.preview_only
    if not only_preview and not (arguments.yes or arguments.skip_preview):
        raise UsageError(_CONFIRM)
    stack = Stack.open(Project.find(Path.cwd()), Backend.from_environment(), arguments.stack, arguments.config_file)
    for assignment in getattr(arguments, "config", []):
        stack_commands.assign(stack, assignment, path=arguments.config_path)
    if not only_preview and not arguments.skip_preview:
        _preview_first(arguments)
    if arguments.json and only_preview:
        display: Display = Digest(stack.name)
    else:
        display = Display(stack.name, preview=only_preview, diff=arguments.diff)
    stack.tell = display.diagnostic
    options = Options(
        preview=only_preview,
        targets=tuple(arguments.target),
        replacements=tuple(getattr(arguments, "replace", [])),
        parallel=max(1, arguments.parallel),
    )
    request = Request(
        refresh=getattr(arguments, "refresh", False),
        expect_no_changes=arguments.expect_no_changes,
        clear_pending_creates=getattr(arguments, "clear_pending_creates", False),
        exclude_protected=getattr(arguments, "exclude_protected", False),
    )
    deployer = Deployer(stack, display, options)
    if operation == "refresh":
        deployer.refresh(request)
    elif operation == "destroy":
        deployer.destroy(request)
        stack_commands.after_destroy(stack, arguments, preview=only_preview)
    else:
        deployer.up(request)


def _preview_first(arguments: argparse.Namespace) -> None:
    """Show the preview in a process of its own, because a process can run only one program."""
    command = [sys.executable, "-m", "lab.engine", arguments.operation, "--preview-only", "--stack", arguments.stack]
    command += ["--config-file", arguments.config_file] if arguments.config_file else []
    command += ["--refresh"] if getattr(arguments, "refresh", False) else []
    command += ["--exclude-protected"] if getattr(arguments, "exclude_protected", False) else []
    for flag, values in (("--target", arguments.target), ("--replace", getattr(arguments, "replace", []))):
        for value in values:
            command += [flag, value]
    here = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH")) if part)
    if subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": path}).returncode != 0:
        raise AlreadyReportedError


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    parsed, rest = parser.parse_known_args(arguments, argparse.Namespace(stack=None, cwd=None, config_file=None))
    # argparse does not look for an optional positional argument behind an option: `config set KEY --secret VALUE`.
    if len(rest) == 1 and not rest[0].startswith("-") and getattr(parsed, "value", "") is None:
        parsed.value = rest.pop()
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    return parsed


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code that `pulumi` would have."""
    # Until a run takes the signal over, and as for SIGINT: leave by the exits that release locks.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Else gRPC itself reports on the terminal that a connection ended.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        parsed = _parse(arguments)
        if parsed.config_file:
            parsed.config_file = str(Path(parsed.config_file).absolute())
        if parsed.cwd:
            os.chdir(parsed.cwd)
        parsed.run(parsed)
    except AlreadyReportedError as error:
        return error.exit_code
    except (EngineError, PassphraseError) as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted before anything was begun\n")
        return EngineError.exit_code
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0
