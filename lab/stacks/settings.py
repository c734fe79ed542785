"""The settings of stacks as the lab gives them to the program, and what the program will say of them.

Owns the order in which stack file, databases and the lab's own addresses win. What is right or wrong is decided by the
program's own `components.settings`: here it is asked before the lab starts, instead of after.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import groupby
from typing import Any

from lab.environment import CONTEXTS, Environment
from lab.home import CHECKOUT, Home, LabError
from lab.stacks import databases, done, operators
from lab.stacks.files import PREFIX, Stack
from lab.stacks.overrides import overrides

ROLE = f"{PREFIX}:role"
UNKNOWN = "https://127.0.0.1"
"""The address of a server that has none yet."""


def effective(
    stack: Stack, stacks: Sequence[Stack], environment: Environment, *, subscribe: bool = True
) -> dict[str, Any]:
    """The stack's `config` on the lab.

    Args:
        stack: whose.
        stacks: all that the checkout has; some settings follow from the others'.
        environment: of the lab.
        subscribe: without it, replicated databases do not follow one another, whatever the stack file says.
    """
    wanted = databases.settings(stack, stacks, environment.without)
    config = {**stack.config, **wanted, **overrides(stack, environment)}
    config |= operators.settings(stack, stacks, config, environment)
    if not subscribe and isinstance(config.get("rhsi:edb"), dict):
        config["rhsi:edb"] = {**config["rhsi:edb"], "subscribe": False}
    return config


def provisional(home: Home, without: Set[str] = frozenset(), *, bare: bool = False) -> Environment:
    """A lab before it starts: as the settings need it, with addresses that stand for those to come."""
    return Environment(
        root=home.root,
        without=frozenset(without),
        contexts=CONTEXTS,
        kubeconfig="",
        api_servers=dict.fromkeys(CONTEXTS, UNKNOWN),
        api_authorities={},
        vault_addr=UNKNOWN,
        vault_cacert=None,
        vault_token_file=None,
        bare=bare,
    )


def are_known(stacks: Sequence[Stack], environment: Environment) -> bool:
    """Whether all these stacks came up with just these settings last: nothing is left to check."""
    home = Home(environment.root)
    return all(
        done.matches(home, stack.name, done.digest(effective(stack, stacks, environment), CHECKOUT)) for stack in stacks
    )


def check(stacks: Sequence[Stack], environment: Environment) -> None:
    """Ask the program what it will say of these stacks' settings; nothing is touched.

    Args:
        stacks: all of the checkout.
        environment: the lab that stands, or a provisional one.

    Raises:
        LabError: with every mistake of every stack.
    """
    # The program's own: with the engine's package it takes half a second to import.
    from components import settings  # noqa: PLC0415 - as just said

    said = []
    meant = [_as_meant(stack) for stack in stacks]
    for stack, likely in zip(stacks, meant, strict=True):
        config = effective(likely, meant, environment)
        if likely is not stack:
            config[ROLE] = stack.config[ROLE]
        if _has_secrets(config):
            # Encrypted for a backend: only the engine can read them, and tells what is wrong.
            continue
        texts = {key: _text(value) for key, value in _sections(config).items()}
        lines = list(_of_the_lab(stack, environment))
        try:
            # The lab's own address stands for $VAULT_ADDR, as it will in the run.
            settings.load(texts, stack=stack.name, vault_addr=environment.vault_addr, environment=os.environ)
        except settings.SettingsError as error:
            lines = [*str(error).splitlines()[1:], *lines]
        if lines:
            said.append("\n".join([f"The settings of stack {stack.name} cannot be used ({stack.file}):", *lines]))
    said += _in_one_place(stacks)
    if said:
        raise LabError("\n".join(said))


def _as_meant(stack: Stack) -> Stack:
    """The stack with the role that its other settings belong to: what the lab adds must not be a second mistake."""
    from components.settings.role import as_meant  # noqa: PLC0415 - as in `check`

    role = as_meant(_sections(stack.config)).get("role")
    return stack if role == stack.config.get(ROLE) else Stack(stack.name, {**stack.config, ROLE: role})


def _sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """The program's settings by their keys without prefix."""
    return {key.removeprefix(f"{PREFIX}:"): value for key, value in config.items() if _is_ours(key)}


def _of_the_lab(stack: Stack, environment: Environment) -> Iterator[str]:
    if stack.context and stack.context not in environment.contexts:
        contexts = ", ".join(environment.contexts)
        yield f"  - rhsi:cluster.context is {json.dumps(stack.context)}: the lab has {contexts}; use one of them."


def _in_one_place(stacks: Sequence[Stack]) -> Iterator[str]:
    """Two stacks in one namespace: most likely one is a copy that somebody left behind."""

    def place(stack: Stack) -> tuple[str, str]:
        return stack.context, stack.namespace

    for (context, namespace), found in groupby(sorted(stacks, key=place), key=place):
        files = [stack.file for stack in found]
        if context and len(files) > 1:
            yield (
                f"{' and '.join(files)} put their sites into one namespace, {namespace} of context {context}: remove "
                "the file that is a copy, or give it another rhsi:cluster.namespace."
            )


def _is_ours(key: str) -> bool:
    return key.startswith(f"{PREFIX}:")


def _text(value: Any) -> str:
    """A value as Pulumi hands it to the program."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _has_secrets(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(_has_secrets(one) for one in value.values())
    return isinstance(value, list) and any(_has_secrets(one) for one in value)
