"""Where `pulumi` finds the lab's plugins, and that those of the machine come first."""

import importlib.metadata
import os
from pathlib import Path

import pytest

from lab.home import Home
from lab.pulumi import installation

VERSIONS = {package: importlib.metadata.version(f"pulumi-{package}") for package in installation.PACKAGES}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "theirs"))
    return Home(tmp_path / "lab")


def executable(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def plugin(home: Home, package: str) -> Path:
    return home.root / "pulumi" / "home" / "plugins" / f"resource-{package}-v{VERSIONS[package]}"


def test_a_machine_without_pulumi_gets_everything(home: Home, tmp_path: Path) -> None:
    built = executable(tmp_path / "cache" / "pulumi")
    found = installation.install(home, built, tmp_path / "cache" / installation.EXECUTOR)
    # A link would lead `pulumi` to the cache, where no language host is.
    assert not found.command.is_symlink()
    assert found.command.stat().st_ino == built.stat().st_ino
    assert os.access(found.command.parent / "pulumi-language-python", os.X_OK)
    for package in installation.PACKAGES:
        assert os.access(plugin(home, package) / f"pulumi-resource-{package}", os.X_OK)
    assert found.environ["PATH"].split(os.pathsep)[0] == str(found.command.parent)
    assert found.environ["PULUMI_HOME"] == str(home.root / "pulumi" / "home")


def test_a_machine_with_pulumi_and_its_plugins_on_path_runs_its_own(home: Home, tmp_path: Path) -> None:
    installation.install(home, executable(tmp_path / "cache" / "pulumi"), tmp_path / "x")
    theirs = executable(tmp_path / "path" / "pulumi")
    for name in ("pulumi-language-python", "pulumi-resource-kubernetes", "pulumi-resource-vault"):
        executable(tmp_path / "path" / name)
    assert installation.language_host_on_path()
    assert installation.missing_packages() == []
    found = installation.install(home, theirs, None)
    assert found.command == theirs
    assert "PULUMI_OPTION_GENERATE_CODE" not in found.environ
    for package in installation.PACKAGES:
        assert not plugin(home, package).exists()


def test_a_plugin_in_the_persons_own_home_of_pulumi_is_taken(home: Home, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / "plugins" / f"resource-vault-v{VERSIONS['vault']}"
    executable(theirs / "pulumi-resource-vault")
    assert installation.missing_packages() == ["kubernetes"]
    installation.install(home, executable(tmp_path / "path" / "pulumi"), None)
    assert plugin(home, "vault").resolve() == theirs
    assert not plugin(home, "kubernetes").is_symlink()


def test_in_the_shell_of_a_lab_its_own_launchers_are_not_taken_for_the_machines(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, executor = executable(tmp_path / "cache" / "pulumi"), tmp_path / "cache" / installation.EXECUTOR
    for variable, value in installation.install(home, built, executor).environ.items():
        monkeypatch.setenv(variable, value)
    assert not installation.language_host_on_path()
    assert installation.missing_packages() == list(installation.PACKAGES)
    installation.install(home, built, executor)
    for package in installation.PACKAGES:
        launcher = plugin(home, package) / f"pulumi-resource-{package}"
        assert not plugin(home, package).is_symlink()
        assert str(installation.LAUNCHER) in launcher.read_text()


@pytest.mark.usefixtures("home")
def test_a_plugin_of_another_version_is_not_taken(tmp_path: Path) -> None:
    executable(tmp_path / "theirs" / "plugins" / "resource-vault-v0.0.1" / "pulumi-resource-vault")
    assert installation.missing_packages() == ["kubernetes", "vault"]
