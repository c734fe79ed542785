"""Who imports whom: modules and rooms form no circle, so that each can be read without those above it."""

import ast
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from lab.home import CHECKOUT


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {
    module_name(str(path.relative_to(CHECKOUT))): ast.parse(path.read_text())
    for folder in ("lab", "components", "ops")
    for path in (CHECKOUT / folder).rglob("*.py")
}


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of ours that a module imports, also within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in named)


def room(module: str) -> str:
    """The folder (also below the lab's stand-ins) that a module is in; a module beside these is its own room."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[:2] == ["lab", "stand_ins"] else 2])


@pytest.mark.parametrize("name", [str, room], ids=["modules", "rooms"])
def test_imports_form_no_circle(name: Callable[[str], str]) -> None:
    graph: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        here = name(module)
        graph.setdefault(here, set()).update({name(other) for other in imported(tree)} - {here})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_the_program_knows_nothing_of_the_lab_and_of_ops() -> None:
    assert not imports("components", lambda other: other.startswith(("lab", "ops")))


def test_ops_knows_of_the_program_only_what_it_says_of_itself_and_nothing_of_the_lab() -> None:
    known = (
        "ops",
        "components.settings",
        "components.outputs",
        # Kinds, names and rules that the commands would otherwise repeat; no component is made of them.
        "components.custom_resource",
        "components.edb.names",
        "components.link.claim",
        "components.link.rotation",
        "components.namespace",
        "components.operators.owners",
        "components.operators.waiting",
        "components.owner",
        "components.postgres.replication",
        "components.secret_store",
        "components.skupper.network_observer",
        "components.vault.mount",
        "components.vault.names",
        "components.vault.reader",
    )
    assert not imports("ops", lambda other: not other.startswith(known))


def imports(folder: str, unwanted: Callable[[str], bool]) -> dict[str, str]:
    """Modules of a folder, with a module of ours that they import and should not."""
    return {
        module: other
        for module, tree in MODULES.items()
        if module.startswith(folder)
        for other in imported(tree)
        if unwanted(other)
    }
