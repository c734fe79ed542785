"""The project folder: which stacks it has, and where their files are.

Owns the names of stack files. What is in one is the business of stacks.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


class ProjectError(Exception):
    """A folder that is no project, or has no stack, in one sentence."""


def stack_names(project: Path) -> list[str]:
    """The stacks that a project folder has a file for, by name."""
    names = (file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in _files(project).glob("Pulumi.*.yaml"))
    return sorted(names)


def chosen(project: Path, stacks: Sequence[str]) -> list[str]:
    """The stacks that a command is about: those that were named, each once, or all of the folder.

    Raises:
        ProjectError: the folder is no project, or there is no stack.
    """
    if not (project / "Pulumi.yaml").is_file():
        raise ProjectError(f"{project.resolve()} has no Pulumi.yaml: name the project with --cwd.")
    if found := list(dict.fromkeys(stacks)) or stack_names(project):
        return found
    raise ProjectError(f"{project.resolve()} has no stack file: name the stacks with -s, or the project with --cwd.")


def stack_file(project: Path, stack: str) -> Path:
    """The file of a stack, whether it is there or not; `stack` may carry organization and project."""
    return _files(project) / f"Pulumi.{short_name(stack)}.yaml"


def short_name(stack: str) -> str:
    """A stack's name without organization and project."""
    return stack.rpartition("/")[2]


def identity(project: Path, stack: str) -> tuple[str, str]:
    """Which stack a name means, as project and name: another project may have a stack of the same name.

    The organization is left out, for nobody has to write it.

    Raises:
        ProjectError: Pulumi.yaml has no name.
    """
    parts = stack.split("/")
    return parts[1] if len(parts) == 3 else project_name(project), parts[-1]


def project_name(project: Path) -> str:
    """The name of the project, with which its settings begin.

    Raises:
        ProjectError: Pulumi.yaml has none.
    """
    name = _definition(project).get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError(f"{project.resolve() / 'Pulumi.yaml'} has no name: Pulumi cannot use it either.")
    return name


def _files(project: Path) -> Path:
    """Where the stack files are (pulumi:sdk/go/common/workspace/paths.go, DetectProjectStackPath)."""
    try:
        folder = _definition(project).get("stackConfigDir")
    except ProjectError:
        folder = None
    return project / folder if isinstance(folder, str) else project


def _definition(project: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((project / "Pulumi.yaml").read_text())
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ProjectError(f"{project.resolve() / 'Pulumi.yaml'} cannot be read: {error}.") from error
    return found if isinstance(found, dict) else {}
