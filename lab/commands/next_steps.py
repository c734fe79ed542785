"""What a person can do with the lab that has just come up: commands that work when they are pasted.

Owns the words and the order. Knows the lab from its environment and its stacks; asks no server.
"""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.environment import Environment
from lab.stacks import Stack, settings

OBSERVER_PORT = 8443
"""Where the first network observer is forwarded to; the next ones follow."""

Step = tuple[str, list[str]]
"""What for, and the commands."""


def lab_command() -> str:
    """How this very lab is called from the folder that the person is in."""
    return f"{_shown(Path(sys.executable))} -m lab"


def next_steps(environment: Environment, stacks: Sequence[Stack]) -> list[Step]:
    """The steps in the order in which a newcomer tries them; those without a command on this lab are left out."""
    return [(purpose, commands) for purpose, commands in _steps(environment, stacks) if commands]


def block(steps: Sequence[Step]) -> str:
    """The steps as text that can be pasted whole or line by line."""
    return "\n".join(line for purpose, commands in steps for line in (f"# {purpose}", *commands))


def _steps(environment: Environment, stacks: Sequence[Stack]) -> Iterator[Step]:
    lab = lab_command()
    standing = [stack for stack in stacks if stack.context in environment.contexts]
    standbys = [stack for stack in standing if not stack.is_primary]
    linked = bool(standbys) and any(stack.is_primary for stack in standing)
    yield (
        "kubectl on each cluster",
        [f"{lab} kubectl --context {stack.context} -n {stack.namespace} get pods,links" for stack in standing],
    )
    databases = [stack for stack in standing if _has_database(stack, stacks, environment)]
    yield "psql on each site; a standby is read-only", [f"{lab} psql {stack.name}" for stack in databases]
    yield "what stands; what a process or a pod printed, by its name", [f"{lab} status", f"{lab} logs"]
    yield from _observers(lab, standing, stacks, environment)
    yield "rotate the credentials, and see what existed when", [f"{lab} rotate"] if linked else []
    outage = ("cut", "restore") if linked and "skupper" not in environment.without else ()
    yield "cut the link, and fix it", [f"{lab} link {word}" for word in outage]
    yield "pulumi, kubectl, bao and psql as on a real system", [f"{lab} shell"]
    yield f"Vault is {environment.vault_addr}; this logs in, with the token in the file", _vault(environment)


def _observers(
    lab: str, standing: Sequence[Stack], stacks: Sequence[Stack], environment: Environment
) -> Iterator[Step]:
    """The way to each site's network observer, and to its login."""
    key = "rhsi:networkObserver"
    watched = [one for one in standing if (settings.effective(one, stacks, environment).get(key) or {}).get("enabled")]
    for port, stack in enumerate(watched, start=OBSERVER_PORT):
        kubectl = f"{lab} kubectl --context {stack.context} -n {stack.namespace}"
        commands = [f"{kubectl} port-forward service/network-observer {port}:443"]
        if stack.section("cluster").get("platform") == "kubernetes":
            secret = "get secret network-observer-auth"  # noqa: S105 - a command
            commands.insert(0, f"{kubectl} {secret} -o go-template='{{{{.data.htpasswd | base64decode}}}}'")
        login = "user and password, then " if len(commands) > 1 else ""
        yield f"the network observer of {stack.name}: {login}https://127.0.0.1:{port}", commands


def _has_database(stack: Stack, stacks: Sequence[Stack], environment: Environment) -> bool:
    config = settings.effective(stack, stacks, environment)
    return any((config.get(f"rhsi:{key}") or {}).get("enabled") for key in ("postgres", "edb"))


def _vault(environment: Environment) -> list[str]:
    token, authority = environment.vault_token_file, environment.vault_cacert
    if not token or not authority:
        return []
    return [
        f"export VAULT_ADDR={environment.vault_addr}",
        f"export VAULT_CACERT={_shown(authority)}",
        f'export VAULT_TOKEN="$(cat {_shown(token)})"',
    ]


def _shown(path: Path) -> str:
    """As the person may type it: from the present folder where it is below that, and with no link resolved."""
    return shlex.quote(str(path).removeprefix(f"{Path.cwd()}{os.sep}"))
