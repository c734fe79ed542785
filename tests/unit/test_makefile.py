"""The Makefile's set-up: which Python it takes, what it says of one that cannot serve, and which .venv it keeps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.home import CHECKOUT

MAKE = shutil.which("make") or "make"
# A Python that is too old for everything but telling its version, as a 2.7 or 3.9 would be; and a new one that records
# what it is asked to do instead of doing it.
OLD = """#!/bin/sh
case "$2" in *exit\\(\\"error:*) echo "error: python3 is Python 3.9, and rhsi needs 3.11 or newer" >&2; exit 1;; esac
exit 1
"""
RECORDING = f"""#!/bin/sh
echo "$*" >> "$RECORD"
case "$*" in
  "-m venv --clear .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  -c*) exec {sys.executable} "$@";;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    for file in CHECKOUT.glob("requirements*.txt"):
        shutil.copy(file, tmp_path)
    return tmp_path


def make(checkout: Path, *arguments: str, python: str = "") -> subprocess.CompletedProcess[str]:
    folder = checkout / "path"
    folder.mkdir(exist_ok=True)
    if python:
        (folder / "python3").write_text(python)
        (folder / "python3").chmod(0o755)
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "RECORD": str(checkout / "record")}
    return subprocess.run(
        [MAKE, *arguments], cwd=checkout, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def recorded(checkout: Path) -> list[str]:
    return (checkout / "record").read_text().splitlines()


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(checkout: Path) -> None:
    done = make(checkout, "up", python=OLD)
    assert done.returncode != 0
    assert "error: python3 is Python 3.9, and rhsi needs 3.11 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_the_sentence_names_the_version_and_the_way_out(checkout: Path) -> None:
    shown = make(checkout, "--dry-run", "up", python=OLD).stdout
    check = next(line for line in shown.splitlines() if "sys.exit(" in line and "newer" in line)
    # The real interpreter, asked for more than it is.
    command = check.replace("(3, 11)", "(99, 0)").replace("python3 -c", f"{sys.executable} -c", 1)
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"is Python {version}, and rhsi needs 3.11 or newer: name a newer one" in done.stderr
    assert "make PYTHON=python3.12 up" in done.stderr


def test_a_python_that_is_not_there_is_named(checkout: Path) -> None:
    done = make(checkout, "PYTHON=python3.99", "lint")
    assert "error: There is no python3.99 on PATH: install Python 3.11 or newer" in done.stderr


def test_up_checks_the_machine_before_it_installs(checkout: Path) -> None:
    make(checkout, "up", python=RECORDING)
    steps = [line for line in recorded(checkout) if line.startswith("-m")]
    assert steps[0] == "-m lab.preflight"
    assert steps[1] == "-m venv --clear .venv"
    assert steps[-1] == "-m lab up"


@pytest.mark.parametrize("target", ["lint", "test-unit", "docs"])
def test_what_needs_no_lab_asks_nothing_of_the_machine(checkout: Path, target: str) -> None:
    make(checkout, target, python=RECORDING)
    assert "-m lab.preflight" not in recorded(checkout)


@pytest.mark.parametrize("interpreter", ["#!/bin/sh\nexit 1\n", "#!/nowhere/python\n"])
def test_a_virtual_environment_that_cannot_serve_is_made_anew(checkout: Path, interpreter: str) -> None:
    broken = checkout / ".venv" / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text(interpreter)
    broken.chmod(0o755)
    (checkout / ".venv" / "installed").touch()
    make(checkout, "status", python=RECORDING)
    assert "-m venv --clear .venv" in recorded(checkout)


def test_a_virtual_environment_that_serves_is_kept(checkout: Path) -> None:
    make(checkout, "status", python=RECORDING)
    (checkout / "record").unlink()
    make(checkout, "status", python=RECORDING)
    assert [line for line in recorded(checkout) if line.startswith("-m")] == ["-m lab status"]


def test_only_the_documentation_pays_for_its_packages_and_once(checkout: Path) -> None:
    make(checkout, "status", python=RECORDING)
    assert not any("requirements-docs.txt" in line for line in recorded(checkout))
    make(checkout, "docs", python=RECORDING)
    make(checkout, "docs", python=RECORDING)
    steps = [line for line in recorded(checkout) if line.startswith("-m")]
    assert [line.rpartition(" ")[2] for line in steps[-3:]] == ["requirements-docs.txt", "build", "build"]


def test_clean_removes_a_broken_virtual_environment_too(checkout: Path) -> None:
    broken = checkout / ".venv" / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    (checkout / ".lab").mkdir()
    done = make(checkout, "clean")
    assert done.returncode == 0, done.stderr
    assert not (checkout / ".venv").exists()


def test_logs_and_destroy_pass_on_what_they_are_given(checkout: Path) -> None:
    make(checkout, "logs", "NAME=rhsi/claim", python=RECORDING)
    make(checkout, "destroy", "ARGS=--yes", python=RECORDING)
    assert [line for line in recorded(checkout) if line.startswith("-m lab")] == [
        "-m lab logs rhsi/claim",
        "-m lab destroy --yes",
    ]
