"""The commands that deploy nothing: stacks, their outputs, their configuration.

Source: pulumi:pkg/cmd/pulumi/{stack,config}.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lab.engine.backend import Backend, StackName
from lab.engine.errors import EngineError, UsageError
from lab.engine.project import Project
from lab.engine.secrets import Crypter, read_passphrase
from lab.engine.stack import Stack, load_file
from lab.engine.stack_file import open_secrets, typed
from lab.engine.state import ENGINE_VERSION, Deployment, deployment_to_json
from lab.engine.values import mask, reveal


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _here() -> tuple[Project, Backend]:
    return Project.find(Path.cwd()), Backend.from_environment()


def _open(arguments: argparse.Namespace, *, named: bool = False) -> Stack:
    project, backend = _here()
    name = (arguments.name if named else None) or arguments.stack
    return Stack.open(project, backend, name, arguments.config_file)


def version(_arguments: argparse.Namespace) -> None:
    """The version of pulumi that the engine follows."""
    _print(ENGINE_VERSION)


def init(arguments: argparse.Namespace) -> None:
    """Make a stack, with a salt in its file."""
    project, backend = _here()
    text = arguments.name or arguments.stack
    if not text:
        raise UsageError("missing stack name")
    name = StackName.parse(text, project.name)
    if backend.exists(name):
        raise EngineError(f"stack '{name.stack}' already exists")
    file = load_file(project, name, arguments.config_file)
    crypter = Crypter(read_passphrase(), file.salt)
    document = deployment_to_json(Deployment(), crypter)
    if file.salt is None:
        file.document["encryptionsalt"] = crypter.salt_text
        file.save()
    else:
        # Proves the passphrase before anything is kept.
        crypter.encrypt("")
    with backend.lock(name):
        backend.save(name, document)
    _print(f"Created stack '{name.stack}'")


def list_stacks(arguments: argparse.Namespace) -> None:
    """The project's stacks."""
    project, backend = _here()
    found = []
    for name in backend.list(project.name):
        saved = backend.load(name)
        count = len(saved.get("resources", []))
        found.append(
            {
                "name": name.stack,
                "current": False,
                "lastUpdate": (saved.get("manifest") or {}).get("time", ""),
                "resourceCount": count,
            }
        )
    if arguments.json:
        _print(json.dumps(found, indent=2))
        return
    _print("NAME  LAST UPDATE  RESOURCE COUNT")
    for entry in found:
        _print(f"{entry['name']}  {entry['lastUpdate'] or 'n/a'}  {entry['resourceCount'] or 'n/a'}")


def output(arguments: argparse.Namespace) -> None:
    """The stack's outputs, or one of them."""
    stack = _open(arguments)
    root = stack.deployment().stack()
    outputs = root.outputs if root is not None else {}
    shown = reveal(outputs) if arguments.show_secrets else mask(outputs)
    if arguments.name:
        if arguments.name not in shown:
            raise EngineError(f"current stack does not have output property '{arguments.name}'")
        value = shown[arguments.name]
        _print(json.dumps(value, indent=2, sort_keys=True) if arguments.json or not isinstance(value, str) else value)
    elif arguments.json:
        _print(json.dumps(shown, indent=2, sort_keys=True))
    else:
        _print(f"Current stack outputs ({len(shown)}):")
        width = max(map(len, (*shown, "OUTPUT")))
        for name, value in [("OUTPUT", "VALUE"), *sorted(shown.items())]:
            _print(f"    {name:{width}}  {_text(value)}")


def export(arguments: argparse.Namespace) -> None:
    """The stack's state, with its secrets encrypted unless asked otherwise."""
    deployment = _open(arguments).exported(show_secrets=arguments.show_secrets)
    document = json.dumps({"version": 3, "deployment": deployment}, indent=4)
    if arguments.file:
        Path(arguments.file).write_text(f"{document}\n", encoding="utf-8")
    else:
        _print(document)


def remove(arguments: argparse.Namespace) -> None:
    """Forget a stack and, unless asked not to, its configuration file."""
    stack = _open(arguments, named=True)
    name = stack.name.stack
    if not arguments.yes:
        raise UsageError("non-interactive mode requires --yes flag")
    with stack.backend.lock(stack.name):
        if stack.backend.load(stack.name).get("resources") and not arguments.force:
            raise EngineError(
                f"'{name}' still has resources; removal rejected. Possible actions:\n"
                f"- Make sure that '{name}' is the stack that you want to destroy\n"
                "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
                "- Run `pulumi stack rm --force` to override this error"
            )
        stack.backend.remove(stack.name)
    if not arguments.preserve_config:
        (stack.project.folder / f"Pulumi.{name}.yaml").unlink(missing_ok=True)
    _print(f"Stack '{name}' has been removed!")


def cancel(arguments: argparse.Namespace) -> None:
    """Remove the stack's locks. Whoever holds one is not stopped."""
    stack = _open(arguments, named=True)
    if not arguments.yes:
        raise UsageError("non-interactive mode requires --yes flag")
    stack.backend.cancel(stack.name)
    _print(f"The currently running update for '{stack.name.stack}' has been canceled!")


def after_destroy(stack: Stack, arguments: argparse.Namespace, *, preview: bool) -> None:
    """Say what is left of a destroyed stack, or remove that too."""
    if preview or stack.backend.load(stack.name).get("resources"):
        return
    if arguments.remove:
        stack.backend.remove(stack.name)
        return
    _print(
        "The resources in the stack have been deleted, but the history and configuration associated with the stack "
        f"are still maintained. \nIf you want to remove the stack completely, run `pulumi stack rm {stack.name.stack}`."
    )


def config_set(arguments: argparse.Namespace) -> None:
    """Set one value; a secret one is encrypted. Without a value it comes from standard input."""
    stack = _open(arguments)
    text = arguments.value if arguments.value is not None else sys.stdin.read().rstrip("\n")
    value = {"secure": stack.crypter.encrypt(text)} if arguments.secret else typed(text, path=arguments.path)
    stack.file.set(stack.project.qualify(arguments.key), value, path=arguments.path)
    stack.file.save()


def assign(stack: Stack, assignment: str, *, path: bool) -> None:
    """Set a value given as `key=value`; as with `pulumi` it stays in the stack's file."""
    key, equals, value = assignment.partition("=")
    if not equals:
        raise UsageError(f"--config takes key=value, not {assignment!r}")
    stack.file.set(stack.project.qualify(key), typed(value, path=path), path=path)
    stack.file.save()


def config_get(arguments: argparse.Namespace) -> None:
    """Print one value, decrypted."""
    stack = _open(arguments)
    key = stack.project.qualify(arguments.key)
    found, value = stack.file.get(key, path=arguments.path)
    if not found and arguments.key in stack.project.schema:
        entry = stack.project.schema[arguments.key]
        found, value = "default" in entry, entry.get("default")
    if not found:
        raise EngineError(f"configuration key '{arguments.key}' not found for stack '{stack.name.stack}'")
    opened, is_secret = open_secrets(value, stack.crypter) if value is not None else ("", False)
    text = _text(opened)
    _print(json.dumps({"value": text, "secret": is_secret}, indent=2) if arguments.json else text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)
