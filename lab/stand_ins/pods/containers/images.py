"""What an image brings along, by its name: the lab has no images, but PostgreSQL it has.

Owns the rules by which an image counts as PostgreSQL, and as which version, its programs, its variables, its stop
signal and /etc/passwd. Everything else of an image is the machine's own system (`walls/root_filesystem.py`).
"""

import pwd
import re
import signal
from pathlib import Path

from lab.binaries.postgresql import DEFAULT_MAJOR, postgresql
from lab.home import LabError
from lab.kube import Manifest
from lab.progress import Silent
from lab.stand_ins.pods.containers import barman_tools
from lab.stand_ins.pods.containers.variables import PATH, ContainerConfigError
from lab.stand_ins.pods.walls.plan import Mount


def short_name(image: str) -> str:
    """The last part of an image's path: `postgresql-16-c9s` of `quay.io/sclorg/postgresql-16-c9s:latest`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def is_postgresql(image: str) -> bool:
    """Whether the image is one of PostgreSQL: its last part says `postgres`."""
    return "postgres" in short_name(image)


def postgresql_major(image: str) -> int:
    """PostgreSQL's major version in an image of it: the number in its name, else the one its tag begins with.

    The Software Collections have `postgresql-16-c9s:latest`, everybody else `postgres:16.4`. One that names none has
    what the lab's default images have, not the newest.
    """
    name = re.search(r"(?<![0-9])[0-9]{2}(?![0-9])", short_name(image))
    tag = re.match(r"[0-9]+", image.partition("@")[0].rpartition("/")[2].partition(":")[2])
    found = name or tag
    return int(found[0]) if found else DEFAULT_MAJOR


def postgresql_folder(major: int) -> str:
    """Where Debian, and so the official image, has PostgreSQL."""
    return f"/usr/lib/postgresql/{major}"


def has_barman(image: str) -> bool:
    """Whether Barman's cloud tools are in it: CloudNativePG's images `<major>-system-<release>` have them."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return is_postgresql(image) and "system" in tag.split("-")


def search_path(image: str) -> str:
    """The image's PATH."""
    tools = f"{barman_tools.COMMANDS}:" if has_barman(image) else ""
    return f"{tools}{postgresql_folder(postgresql_major(image))}/bin:{PATH}" if is_postgresql(image) else PATH


def programs(image: str) -> tuple[Mount, ...]:
    """What the image has beyond the machine's system.

    Raises:
        ContainerConfigError: PostgreSQL of that version cannot be had, as if the image could not be pulled.
    """
    if not is_postgresql(image):
        return ()
    major = postgresql_major(image)
    try:
        folder = postgresql(Silent(), major)
        tools = (*barman_tools.mounts(), barman_tools.commands()) if has_barman(image) else ()
    except LabError as error:
        raise ContainerConfigError(str(error), reason="ErrImagePull") from error
    return (Mount(source=str(folder.resolve()), target=postgresql_folder(major), read_only=True), *tools)


def stop_signal(container: Manifest) -> int:
    """The signal that asks the main process to end: the container's own choice, else the image's.

    The official PostgreSQL image has `STOPSIGNAL SIGINT`, that is, a fast shutdown; nearly all others have none.
    """
    named = (container.get("lifecycle") or {}).get("stopSignal", "")
    if named in signal.Signals.__members__:
        return signal.Signals[named]
    return signal.SIGINT if short_name(container.get("image", "")) == "postgres" else signal.SIGTERM


def home_of(uid: int, working_dir: str) -> str:
    """The user's home as the image's passwd has it; for a user that it does not know what CRI-O takes."""
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return working_dir


def passwd(uid: int, gid: int, working_dir: str) -> str:
    """The text of /etc/passwd; a user that the image does not know has a line too, as CRI-O adds it."""
    known = Path("/etc/passwd").read_text()
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return f"{known}{uid}:x:{uid}:{gid}:{uid} user:{working_dir}:/sbin/nologin\n"
    return known


def image_variables(pod: Manifest, container: Manifest, uid: int) -> dict[str, str]:
    """What the image and the container runtime would set; everything else wins over it."""
    return {
        "PATH": search_path(container.get("image", "")),
        "HOME": home_of(uid, container.get("workingDir") or "/"),
        "HOSTNAME": pod["spec"].get("hostname") or pod["metadata"]["name"],
    }
