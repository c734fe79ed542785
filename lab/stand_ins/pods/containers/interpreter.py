"""The image of Skupper's network observer, as far as the lab has it: a Python, for the lab's own page.

Owns where that Python is in a container. The page itself comes by a ConfigMap (lab/stand_ins/network_observer).
"""

import sys
from pathlib import Path

from lab.stand_ins.pods.containers.images import short_name
from lab.stand_ins.pods.walls.plan import Mount

IMAGE = "network-observer"
FOLDER = "/usr/lib/lab-python"


def interpreter(image: str) -> tuple[Mount, ...]:
    """What the image brings along: the installation of Python that the lab itself runs on, without its packages."""
    if short_name(image) != IMAGE:
        return ()
    return (Mount(source=str(Path(sys.base_prefix).resolve()), target=FOLDER, read_only=True),)


def command() -> str:
    """The program in a container of that image."""
    base = Path(sys.base_prefix).resolve()
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    return f"{FOLDER}/{program.relative_to(base)}"
