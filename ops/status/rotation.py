"""Whether a standby's Link is of the rotation that its primary grants, and how long ago that rotation was.

Pure functions of the rows that a look has found. The names carry the rotation: on the primary AccessGrant
`rhsi-<site>-grant-<rotation>`, on the standby Link `standby-from-vault-<rotation>`, of two routers with `-1` and `-2`.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from ops.status.place import Place
from ops.status.row import PENDING, READY, Row, span

KIND = "Rotation"
_LINK = re.compile(r"standby-from-vault-(\d+)(?:-\d+)?")

Found = Sequence[tuple[Place, Sequence[Row]]]
"""The places of a look, each with its rows."""


def rows(found: Found, now: datetime) -> list[Row]:
    """One row for each standby that has a link, or a grant for one."""
    standbys = [(place, own) for place, own in found if place.primary]
    return [row for place, own in standbys if (row := _row(place, own, _grants(place, found), now))]


def _row(place: Place, own: Sequence[Row], grants: set[int], now: datetime) -> Row | None:
    links = {int(named[1]): row for row in own if row.kind == "Link" and (named := _LINK.fullmatch(row.name))}
    if not (links or grants) or any(row.kind == "cluster" for row in own):
        return None
    newest, granted = max(links, default=0), max(grants, default=0)
    status, said = PENDING, f"rotation {newest}"
    if not links:
        said = f"rotation {granted} is granted, and there is no link yet"
    elif granted > newest:
        said = f"rotation {granted} is granted, and the link is of rotation {newest}"
    elif len(links) > 1:
        earlier = ", ".join(str(one) for one in sorted(links)[:-1])
        said = f"rotation {newest}, and links of {earlier} are still there"
    else:
        status = READY
    if newest and (made := links[newest].created):
        said += f", {span((now - datetime.fromisoformat(made)).total_seconds())} ago"
    return Row(place.stack, KIND, place.site, status, said, place.namespace)


def _grants(place: Place, found: Found) -> set[int]:
    """The rotations that the primary grants to a standby; none where it was not looked at."""
    named = re.compile(rf"rhsi-{re.escape(place.site)}-grant-(\d+)")
    names = [
        row.name for other, own in found if other.stack == place.primary for row in own if row.kind == "AccessGrant"
    ]
    return {int(match[1]) for name in names if (match := named.fullmatch(name))}
