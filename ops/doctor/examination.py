"""The whole examination: the stacks' settings first, then every check of every stack side by side.

Owns the order, and what is said where a stack or its settings cannot be used: nothing else of it can be looked at then,
while the other stacks are.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from components.settings import SettingsError
from ops import stacks
from ops.doctor import (
    clocks,
    controllers,
    distance,
    images,
    kinds,
    names,
    peer,
    rights,
    secrets,
    server,
    tools,
    vault_names,
    vault_rights,
    vaults,
)
from ops.doctor.finding import Finding, error, ok, unknown
from ops.doctor.running import NOT_LOOKED_AT, Check, run
from ops.doctor.scene import Scene
from ops.engine import EngineError
from ops.project import ProjectError, identity, project_name, short_name, stack_file
from ops.stacks import Configuration, NoStackError, StackError

SETTINGS = "settings"
STACK = "stack"
AT_ONCE = 8
"""Stacks that are examined at once: each has a deadline, which a hundred of them side by side would miss."""

CHECKS: tuple[Check, ...] = tuple(
    Check(subject=subject, look=look)
    for subject, look in (
        (secrets.SUBJECT, secrets.check),
        (server.SUBJECT, server.check),
        (kinds.SUBJECT, kinds.check),
        (controllers.SUBJECT, controllers.check),
        (controllers.GRANTS, controllers.check_grants),
        (rights.SUBJECT, rights.check),
        (names.SUBJECT, names.check),
        (vaults.SUBJECT, vaults.check),
        (vault_rights.SUBJECT, vault_rights.check),
        (vault_names.SUBJECT, vault_names.check),
        ("login", tools.check_login),
        (peer.SUBJECT, peer.check),
        (clocks.SUBJECT, clocks.check),
        (images.SUBJECT, images.check),
        (distance.SUBJECT, distance.check),
    )
)
"""Every check of a stack, in the order of the report."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found about one stack; the machine's has no stack's name."""

    stack: str
    findings: list[Finding]


@dataclass
class _Read:
    """A stack whose settings were read, or why not."""

    stack: str
    scene: Scene | None = None
    findings: list[Finding] = field(default_factory=list)


def examine(project: Path, names_of_stacks: Sequence[str], environment: Mapping[str, str]) -> list[Diagnosis]:
    """Look at everything.

    Args:
        project: the folder with Pulumi.yaml.
        names_of_stacks: which stacks, in the order of the report.
        environment: variables of the run.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE + 1) as threads:
        machine = threads.submit(_machine, project)
        read = list(threads.map(lambda stack: _read(project, stack, environment), names_of_stacks))
        peers = {identity(project, one.stack): one.scene for one in read if one.scene}
        peers |= _others(project, peers, environment)
        for scene in peers.values():
            scene.peers = peers
        found = list(threads.map(_examined, read))
        return [Diagnosis("", machine.result()), *found]


def _machine(project: Path) -> list[Finding]:
    try:
        return list(tools.check(project))
    except (EngineError, OSError) as problem:
        return [unknown(tools.SUBJECT, str(problem))]


def _examined(read: _Read) -> Diagnosis:
    looked = run(read.scene, CHECKS) if read.scene else []
    return Diagnosis(read.stack, [*read.findings, *looked])


def _read(project: Path, stack: str, environment: Mapping[str, str]) -> _Read:
    read, problem = _Read(stack), None
    try:
        configured = stacks.configuration(project, stack)
    except StackError as found:
        problem = found
        read.findings.append(_unread(stack, problem))
        configured = _from_file(project, stack, read)
    read.findings += [
        unknown(SETTINGS, f"rhsi:{key} is secret as a whole: what is in it cannot be judged.", f"pulumi up -s {stack}")
        for key in configured.unread
    ]
    try:
        settings = stacks.settings(configured, stack)
    except SettingsError as wrong:
        # A mistake in what nobody could read is the engine's to tell.
        mistakes = [line.removeprefix("  - ") for line in str(wrong).splitlines()[1:]]
        read.findings += [
            error(SETTINGS, line, f"correct it in {stack_file(project, stack).name}") for line in mistakes
        ]
        read.findings.append(unknown(NOT_LOOKED_AT, "All the rest, as long as the settings cannot be used."))
        return read
    read.findings.append(ok(SETTINGS, f"All settings can be used: {settings.role} {settings.site}."))
    missing = isinstance(problem, NoStackError)
    read.scene = Scene(
        project, stack, settings, environment, exists=not missing, unreadable=None if missing else problem
    )
    return read


def _unread(stack: str, problem: StackError) -> Finding:
    if isinstance(problem, NoStackError):
        return error(STACK, f"The stack {stack} does not exist yet.", f"pulumi stack init {stack}")
    return error(STACK, f"The stack {stack} cannot be read: {problem}", "pulumi login, then pulumi stack ls")


def _from_file(project: Path, stack: str, read: _Read) -> Configuration:
    try:
        return stacks.file_configuration(project, stack)
    except (StackError, ProjectError) as problem:
        read.findings.append(error(STACK, str(problem), f"write Pulumi.{short_name(stack)}.yaml, or correct it"))
        return Configuration(values={}, secret=frozenset())


def _others(
    project: Path, known: Mapping[tuple[str, str], Scene], environment: Mapping[str, str]
) -> dict[tuple[str, str], Scene]:
    """The primaries of the stacks, where they were not asked for: their clocks and grants matter to a standby."""
    wanted = {scene.settings.primary_stack for scene in known.values() if scene.settings.role == "standby"}
    found = {}
    for stack in sorted(wanted):
        place = identity(project, stack)
        # Another project's settings are in another folder.
        if place in known or place[0] != project_name(project):
            continue
        try:
            settings = stacks.settings_of(project, stack)
        except (StackError, ProjectError):
            # peer.py tells what is wrong with it, as far as this stack needs it.
            continue
        found[place] = Scene(project, stack, settings, environment, asked=False)
    return found
