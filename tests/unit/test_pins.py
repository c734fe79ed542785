"""Pins: all are exact, Renovate finds each of them, and the hooks before a commit run the pinned tools of .venv."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pre_commit.clientlib import load_config

from components.platform import PLATFORMS
from components.postgres import monitoring
from components.settings.edb import COMMUNITY_IMAGE
from lab.binaries import postgresql, recipes, toolchain
from lab.home import CHECKOUT

RENOVATE = json.loads((CHECKOUT / "renovate.json").read_text())


def matches(patterns: list[str]) -> list[str]:
    """The files of the checkout that Renovate's patterns, `/regex/`, are for."""
    names = (str(path.relative_to(CHECKOUT)) for path in _files())
    return sorted(name for name in names if any(re.search(pattern[1:-1], name) for pattern in patterns))


def _files() -> Iterator[Path]:
    """The files of the checkout, without what is installed, built or recorded."""
    for path in (*CHECKOUT.glob("*.*"), *CHECKOUT.glob("[!.]*/**/*.*"), *CHECKOUT.glob(".github/**/*.*")):
        if path.is_file() and not {"fixtures", ".venv", "site"} & set(path.relative_to(CHECKOUT).parts):
            yield path


def found(manager: dict[str, Any]) -> set[tuple[str, str]]:
    """What a custom manager finds: names and versions."""
    pins = set()
    for name in matches(manager["managerFilePatterns"]):
        text = (CHECKOUT / name).read_text()
        for pattern in manager["matchStrings"]:
            for match in re.finditer(re.sub(r"\(\?<(?=\w)", "(?P<", pattern), text):
                groups = match.groupdict()
                pins.add((groups.get("depName") or manager["depNameTemplate"], groups["currentValue"]))
    return pins


def image(reference: str) -> tuple[str, str]:
    """Name and tag."""
    name, _, tag = reference.rpartition(":")
    return name, tag


def test_renovate_finds_every_pin_in_python() -> None:
    pins = set().union(*(found(manager) for manager in RENOVATE["customManagers"]))
    images = {text for platform in PLATFORMS.values() for text in (platform.cli_image, platform.postgres_image)}
    versioned = {image(text) for text in (*images, monitoring.IMAGE, COMMUNITY_IMAGE)}
    assert pins == {
        *((one.module, one.version) for one in vars(recipes).values() if isinstance(one, recipes.Recipe)),
        (toolchain.PACKAGE, toolchain.PACKAGE_VERSION),
        *((postgresql.PACKAGE, version) for version in postgresql.VERSIONS.values()),
        (recipes.PULUMI.module, recipes.PULUMI.version.removeprefix("v")),  # of the CI, which has the lab's
        # A tag without a version, such as `latest` or a stream of CentOS, is nothing to raise.
        *((name, tag) for name, tag in versioned if re.match(r"v?\d", tag)),
    }


@pytest.mark.parametrize("manager", RENOVATE["customManagers"], ids=lambda manager: manager["description"])
def test_no_manager_of_renovate_is_idle(manager: dict[str, Any]) -> None:
    assert found(manager)


def test_every_requirement_is_exact_and_renovate_reads_its_file() -> None:
    files = matches(RENOVATE["pip_requirements"]["managerFilePatterns"])
    assert {str(file.relative_to(CHECKOUT)) for file in _files() if file.match("requirements*.txt")} < set(files)
    for name in files:
        lines = (CHECKOUT / name).read_text().splitlines()
        pins = [line for line in lines if line and not line.startswith(("#", "-r "))]
        assert pins
        assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", pin)] == []


def test_hooks_before_a_commit_run_the_tools_of_the_virtual_environment() -> None:
    config = load_config(CHECKOUT / ".pre-commit-config.yaml")
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert [hook["id"] for hook in hooks if not hook["entry"].startswith(".venv/bin/")] == []
    assert {hook["id"] for hook in hooks} >= {"ruff-format", "ruff", "mypy", "shellcheck"}
