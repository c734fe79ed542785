"""The shape that all arguments have."""

import ast
from collections.abc import Iterator
from pathlib import Path

import components

ROOT = Path(str(components.__file__)).parent


def arguments() -> Iterator[tuple[str, ast.ClassDef]]:
    for file in ROOT.glob("**/*.py"):
        for found in ast.parse(file.read_text()).body:
            if isinstance(found, ast.ClassDef) and found.name.endswith("Args"):
                yield f"{file.relative_to(ROOT)}: {found.name}", found


def test_arguments_are_frozen_keyword_only_dataclasses_without_defaults_for_those_are_in_the_settings() -> None:
    found = dict(arguments())
    assert len(found) > 15
    for name, one in found.items():
        assert [ast.unparse(decorator) for decorator in one.decorator_list] == [
            "dataclass(frozen=True, kw_only=True)"
        ], name
        assert not [field for field in one.body if isinstance(field, ast.AnnAssign) and field.value], name
