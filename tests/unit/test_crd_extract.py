"""The extracts of upstream's CRDs say what upstream says."""

import json
from typing import Any

import pytest

from lab.home import CHECKOUT
from lab.stand_ins.cnpg.kinds import EDB
from tests.unit import crd_extract
from tests.unit.crd_contract import FOLDER, Definition, fields, load, schema

UPSTREAM = CHECKOUT.parent / "shared" / "crds"
PROJECTS = [*crd_extract.SOURCES, crd_extract.OF_THE_LAB]


def extracts(project: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{project}.json").read_text())
    return found


@pytest.mark.parametrize("project", PROJECTS)
def test_an_extract_names_its_source_and_gives_back_every_field(project: str) -> None:
    found = extracts(project)
    assert "Apache-2.0" in found["source"]
    assert found["definitions"]
    for name, extract in found["definitions"].items():
        rebuilt = {path: crd_extract.rules(node) for path, node in fields(schema(load(project)[name]))}
        assert rebuilt == extract["fields"]


def test_every_kind_has_one_extract_of_each_source() -> None:
    names = [name for project in crd_extract.SOURCES for name in load(project)]
    # EDB's group has the community's kinds.
    assert sorted(names) == sorted(name for name in crd_extract.kinds() if not name.endswith(EDB.name))
    assert set(load(crd_extract.OF_THE_LAB)) == {name for name in names if name.endswith(".external-secrets.io")}


@pytest.mark.parametrize("project", crd_extract.SOURCES)
def test_an_extract_is_what_upstreams_files_give(project: str) -> None:
    if not (UPSTREAM / project).is_dir():
        pytest.skip(f"no ../shared/crds/{project} with upstream's files to compare with")
    upstream: dict[str, Definition] = {one["metadata"]["name"]: one for one in crd_extract.read(UPSTREAM / project)}
    for name, extract in extracts(project)["definitions"].items():
        assert crd_extract.extract(upstream[name]) == extract
