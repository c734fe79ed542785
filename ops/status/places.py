"""Where to look for the stacks of a project, by the program's own view of their settings."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from components.settings import Settings, SettingsError
from ops.clusters import Cluster, ClusterError
from ops.project import ProjectError, project_name, short_name, stack_file
from ops.stacks import Configuration, NoStackError, StackError, configuration, file_configuration, settings
from ops.status.place import EDB, OBSERVER, OPERATORS, POSTGRES, Place, Standing
from ops.status.row import ERROR, Row


def place(settings: Settings, stack: str, project: str, *, exists: bool = True) -> Place:
    """Where a look goes for a stack of a project with these settings; `exists` says whether the backend has it."""
    switches = {
        POSTGRES: settings.postgres.enabled,
        EDB: settings.edb.enabled,
        OBSERVER: settings.network_observer.enabled,
        OPERATORS: any(one.enabled for _, one in settings.operators),
    }
    return Place(
        stack=short_name(stack),
        site=settings.site,
        primary=_within(settings.primary_stack, project),
        context=settings.cluster.context,
        namespace=settings.cluster.namespace,
        databases=settings.edb.namespace if settings.edb.enabled else "",
        rotations={site: standby.rotation for site, standby in settings.standbys.items()},
        parts=frozenset(part for part, on in switches.items() if on),
        project=project,
        exists=exists,
        cli="oc" if settings.cluster.platform == "openshift" else "kubectl",
    )


def _within(stack: str, project: str) -> str:
    """The name of a stack, short where it is of this project: another project may have one of the same short name."""
    parts = stack.split("/")
    return stack if len(parts) == 3 and parts[1] != project else parts[-1]


def standing(project: Path, stacks: Sequence[str]) -> list[Standing | Row]:
    """Each of these stacks with the way to its cluster, or with a row that says why there is none."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(partial(_standing, project), stacks))


def _standing(project: Path, stack: str) -> Standing | Row:
    name = short_name(stack)
    problem: StackError | None = None
    try:
        configured, problem = _configured(project, stack)
        exists = not isinstance(problem, NoStackError)
        found = place(settings(configured, stack), stack, project_name(project), exists=exists)
    except (StackError, SettingsError, ProjectError) as error:
        # A file is not all that the engine knows: what is wrong with the engine comes before what the file lacks.
        return Row(name, "settings", name, ERROR, str(problem or error))
    note = f"{name}: {problem} Its settings are those of {stack_file(project, stack).name}." if problem else ""
    try:
        return Standing(found, Cluster(found.context), note)
    except ClusterError as error:
        return Row(name, "cluster", found.context, ERROR, str(error))


def _configured(project: Path, stack: str) -> tuple[Configuration, StackError | None]:
    """The settings as the engine has them, or as their file has them and why: clusters stand without Pulumi too."""
    try:
        return configuration(project, stack), None
    except StackError as error:
        try:
            return file_configuration(project, stack), error
        except StackError:
            # What the engine says tells more: the stack may be anywhere.
            raise error from None
