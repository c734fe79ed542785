"""The lab's own rotation numbers, beside those of the stack files, which the lab never writes.

Owns `rotations.json` in the lab's home: site of a standby -> rotation. It goes with the lab, and a number in it counts
only as long as the stack file's own is lower: a rotation only grows.
"""

import json
from collections.abc import Mapping
from typing import Any

from lab.files import write_private
from lab.home import Home, LabError

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
