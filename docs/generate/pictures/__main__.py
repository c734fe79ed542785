"""Makes the pictures of the documentation anew, from a lab of its own: `make pictures`.

Owns what is shown. Everything in the pictures is what real commands printed: they run in a copy of the checkout, so
that neither its lab nor its stack files are touched, and one after the other, as a person types them. Ends with the lab
stopped and the copy gone.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docs.generate.pictures import comment
from docs.generate.pictures.animation import animation
from docs.generate.pictures.frames import frames
from docs.generate.pictures.recording import Recording, record

CHECKOUT = Path(__file__).resolve().parents[3]
IMAGES = CHECKOUT / "docs" / "images"
REVIEW = "review.svg"
# What belongs to this machine, or is made anew.
NOT_COPIED = (".git", ".venv", ".lab", "site", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
COLUMNS = 100
# The table of what stands fits, and so does a rotation's time line.
LINES = 38
# The copy's name in the pictures.
SHOWN_FOLDER = "~/rhsi"
PYTHON = ".venv/bin/python"
# Another lab, and what the make that runs this tells one that it calls: that one would print its folder.
FOREIGN = ("RHSI_LAB_HOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
# What a pull request might change in the stack files: a rotation, a restart, and a standby's database that goes.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "site-a": {
        "rhsi:standbys": {"site-b": {"rotation": 3}},
        "rhsi:postgres": {"enabled": True, "parameters": {"shared_buffers": "256MB"}},
    },
    "site-b": {"rhsi:postgres": {"enabled": False}},
}


class PictureError(Exception):
    """A picture cannot be made, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A target of make that is recorded.

    Attributes:
        target: its name.
        file: of the picture.
        until: what the picture ends before; nothing for the whole output.
        about: what the picture shows, for whoever does not see it.
    """

    target: str
    file: str
    until: bytes = b""
    about: str


SCENES = (
    Scene(
        target="up",
        file="up.svg",
        # Commands to paste follow, for which there is no room.
        until=b"\nWhat next:",
        about="The lab's servers start, pulumi brings site-a and site-b up, and a table shows that all is Ready.",
    ),
    Scene(
        target="rotate",
        file="rotation.svg",
        about="pulumi rotates the link, and a time line shows what existed when: the new Link is Ready before the old "
        "one is deleted, and no moment was without one.",
    ),
)


def main() -> None:
    """Make all pictures."""
    with copy() as folder:
        # What the lab builds once on each machine, in minutes, is in no picture.
        _run([PYTHON, "-m", "lab.binaries"], folder)
        try:
            for scene in SCENES:
                write(scene.file, _film(scene, folder), folder)
            title = "A review comment"
            about = "The counts of each stack, what is deleted or replaced and what that means, and each change."
            write(REVIEW, comment.picture(_review(folder), title=title, about=about), folder)
        finally:
            _run([PYTHON, "-m", "lab", "down"], folder)


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the checkout with this very virtual environment and no lab."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="rhsi-") as parent:
        folder = Path(parent) / "rhsi"

        def ignored(here: str, names: Sequence[str]) -> Iterable[str]:
            return set(names).intersection(NOT_COPIED) if Path(here) == CHECKOUT else ()

        shutil.copytree(CHECKOUT, folder, ignore=ignored)
        (folder / ".venv").symlink_to(sys.prefix)
        yield folder


def _film(scene: Scene, folder: Path) -> str:
    """The recording of a target of make as a picture."""
    _tell(f"recording `make {scene.target}`")
    # Its packages are this process's; make would else install them anew, into a folder that is not the copy's.
    recording = record(["make", "--assume-old=.venv/installed", scene.target], folder, columns=COLUMNS, lines=LINES)
    if recording.code:
        raise PictureError(f"`make {scene.target}` ended with exit code {recording.code}:\n{_said(recording)}")
    shown = frames(recording.until(scene.until) if scene.until else recording, {str(folder): SHOWN_FOLDER})
    return animation(shown, columns=COLUMNS, title=f"make {scene.target}", about=scene.about)


def _said(recording: Recording) -> str:
    return recording.data.decode(errors="replace")[-3000:]


def _review(folder: Path) -> str:
    """The review of changes that nobody has brought up yet."""
    _tell("reviewing a change with `python -m ops review`")
    for stack, changes in CHANGES.items():
        settings = folder / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(settings.read_text())
        settings.write_text(yaml.safe_dump({**content, "config": {**content["config"], **changes}}))
    file = folder / "review.md"
    _run(["make", "--assume-old=.venv/installed", "review", f"ARGS=--output {file}"], folder)
    return file.read_text()


def _run(command: Sequence[str], folder: Path) -> None:
    # What it tells meanwhile is for the person who waits.
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise PictureError(f"`{' '.join(command)}` ended with exit code {done.returncode}.")


def write(file: str, picture: str, folder: Path) -> None:
    """Write a picture, unless something is in it that is nobody's business."""
    lab = folder / ".lab"
    private = {
        "the folder": str(folder),
        "this machine's name": socket.gethostname(),
        "Vault's token": (lab / "vault" / "root-token").read_text().strip(),
        "the stacks' passphrase": (lab / "passphrase").read_text().strip(),
    }
    if found := [what for what, text in private.items() if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", picture)]:
        raise PictureError(f"{file} would show {' and '.join(found)}: it has not been written.")
    (IMAGES / file).write_text(picture)
    _tell(f"docs/images/{file} is written ({len(picture) // 1000} kB)")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    try:
        main()
    except PictureError as error:
        sys.exit(f"error: {error}")
