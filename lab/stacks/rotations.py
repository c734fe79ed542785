"""The lab's own rotation numbers, beside those of the stack files, which the lab never writes.

Owns `rotations.json` in the lab's home: site of a standby -> rotation. It goes with the lab, and a number in it counts
only as long as the stack file's own is lower: a rotation only grows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.files import write_private
from lab.home import Home, LabError
from lab.stacks import state
from lab.stacks.files import Stack

FILE = "rotations.json"


def load(home: Home) -> dict[str, int]:
    """The numbers that the lab has given out; empty before the first rotation.

    Raises:
        LabError: the file is not what `save` wrote.
    """
    file = home.root / FILE
    if not file.exists():
        return {}
    try:
        return {str(site): int(rotation) for site, rotation in json.loads(file.read_text()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise LabError(f"{file} holds no rotation numbers ({error}): delete it.") from error


def save(home: Home, rotations: Mapping[str, int]) -> None:
    """Keep these numbers instead of the present ones."""
    write_private(home.folder() / FILE, json.dumps(dict(rotations), indent=2).encode())


def number(setting: Any, lab: int) -> Any:
    """The higher one of a stack file's rotation and the lab's.

    A setting that is no number stays as it is: what is wrong with it is for the program to say.
    """
    if isinstance(setting, bool) or not isinstance(setting, int):
        return setting
    return max(setting, lab)


def merge(standbys: Mapping[str, Any], rotations: Mapping[str, int]) -> dict[str, Any]:
    """The setting `standbys` of a primary, with the lab's rotations in it; adds no standby."""
    merged: dict[str, Any] = {}
    for site, wanted in standbys.items():
        settings = {} if wanted is None else wanted
        if site in rotations and isinstance(settings, dict):
            merged[site] = {**settings, "rotation": number(settings.get("rotation", 1), rotations[site])}
        else:
            merged[site] = wanted
    return merged


def in_file(primary: Stack, site: str) -> int:
    """The rotation of a standby according to its primary's stack file.

    Raises:
        LabError: it is no number.
    """
    settings = primary.section("standbys").get(site) or {}
    found = settings.get("rotation", 1) if isinstance(settings, dict) else settings
    if isinstance(found, bool) or not isinstance(found, int):
        raise LabError(f"{primary.file} has rotation {found!r} for {site}: make it a whole number of 1 or more.")
    return found


def count_on(home: Home, primary: Stack, sites: Sequence[str]) -> dict[str, int]:
    """Give these standbys their next rotations: one more than in the file, than the lab's own, and than what stands.

    Raises:
        LabError: the file has something else than numbers; nothing is counted then.
    """
    given = load(home)
    wanted = {
        site: max(in_file(primary, site), given.get(site, 0), state.rotation(home, primary.name, site)) + 1
        for site in sites
    }
    save(home, {**given, **wanted})
    return wanted


def ahead(home: Home, primary: Stack) -> list[str]:
    """Where `rotate` has counted to the file's number or beyond it: what a person must know who edits the file."""
    lines = []
    for site, reached in load(home).items():
        if site not in primary.section("standbys") or (written := in_file(primary, site)) > reached:
            continue
        said = f"where {primary.file} says {written}" if written < reached else f"as {primary.file} says now"
        lines.append(
            f"This run uses rotation {reached} of {site}, to which `python -m lab rotate` has counted already, {said}. "
            f"Write {reached + 1} there for the next rotation, or run `rotate` again."
        )
    return lines


def forget_reached(home: Home, primary: Stack) -> None:
    """Drop the lab's numbers that the stack file has reached: from there on only the file counts."""
    given = load(home)
    kept = {
        site: reached
        for site, reached in given.items()
        if site not in primary.section("standbys") or in_file(primary, site) < reached
    }
    if kept != given:
        save(home, kept)
