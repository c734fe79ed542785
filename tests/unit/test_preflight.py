"""What a machine must have: one sentence for each lack, before anything is downloaded or built."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab import preflight
from lab.home import LabError
from lab.preflight import Machine, problems
from lab.servers import PARTS

ALL = frozenset(PARTS)
GOOD = Machine(
    system="Linux",
    architecture="x86_64",
    is_root=True,
    confinement="",
    memory=8.0,
    disks={Path("/home"): (50.0, 9.0)},
)


def test_a_machine_with_all_of_it_is_taken() -> None:
    assert list(problems(GOOD, ALL)) == []


@pytest.mark.parametrize(
    ("lack", "sentence"),
    [
        ({"architecture": "aarch64"}, "The lab needs an x86-64 machine, and this one is aarch64"),
        ({"is_root": False}, "The lab needs root"),
        (
            {"confinement": "unshare: Operation not permitted"},
            "cannot be confined here (unshare: Operation not permitted)",
        ),
        ({"memory": 1.2}, "The lab needs 2 GiB of free memory, and 1.2 GiB are left"),
        ({"disks": {Path("/home"): (3.4, 9.0)}}, "The lab needs 9 GiB of free disk at /home, and 3.4 GiB are left"),
    ],
)
def test_each_lack_is_one_sentence(lack: dict[str, object], sentence: str) -> None:
    (found,) = problems(replace(GOOD, **lack), ALL)  # type: ignore[arg-type] # the table's values are of several types
    assert sentence in found
    assert "\n" not in found


def test_another_system_is_told_nothing_else() -> None:
    (found,) = problems(replace(GOOD, system="Darwin", architecture="arm64", memory=0.0), ALL)
    assert "needs Linux, and this is Darwin" in found


def test_without_the_parts_that_confine_containers_nobody_needs_to_be_root() -> None:
    assert list(problems(replace(GOOD, is_root=False), ALL - {"pods", "cnpg"})) == []


def test_all_lacks_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = replace(GOOD, is_root=False, memory=0.5)
    monkeypatch.setattr(Machine, "here", classmethod(lambda *_: poor))
    with pytest.raises(LabError, match=r"(?s)cannot run on this machine:.*needs root.*2 GiB of free memory"):
        preflight.check()


def test_this_machine_is_measured_and_its_walls_are_tried() -> None:
    here = Machine.here(ALL)
    assert here.system == "Linux"
    assert here.memory > 0
    assert all(free > 0 for free, _ in here.disks.values())
    assert here.confinement == "" or not here.is_root, "the tests' own lab would not run either"


def test_builds_count_only_where_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHSI_CACHE", str(tmp_path))
    monkeypatch.setenv("RHSI_LAB_HOME", str(tmp_path / "lab"))
    cold = sum(needed for _, needed in Machine.here(ALL).disks.values())
    (tmp_path / "bin" / "kubernetes-1").mkdir(parents=True)
    warm = sum(needed for _, needed in Machine.here(ALL).disks.values())
    assert cold - warm == preflight.BUILDS
