"""Whether a standby's Link is of the rotation that its primary grants, and how long ago that rotation was.

Pure functions of the rows that a look has found. The names carry the rotation: on the primary AccessGrant
`rhsi-<site>-grant-<rotation>`, on the standby Link `standby-from-vault-<rotation>`, of two routers with `-1` and `-2`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ops.status.place import Place
from ops.status.row import ERROR, PENDING, READY, UNKNOWN, Row, span

KIND = "Rotation"
GRANT = re.compile(r"rhsi-(?P<site>.+)-grant-\d+")
"""The name of a grant that the program makes; others are somebody else's."""

_LINK = re.compile(r"standby-from-vault-(\d+)(?:-\d+)?")

_SILENT = frozenset({"cluster", "stack"})
"""The rows of a stack of whose links nothing is known, or of which nothing stands."""

Found = Sequence[tuple[Place, Sequence[Row]]]
"""The places of a look, each with its rows."""


def rows(found: Found, now: Mapping[str, datetime]) -> list[Row]:
    """One row for each standby of which something stands; `now` is the time on each stack's cluster."""
    standbys = [(place, own) for place, own in found if place.primary]
    return [row for place, own in standbys if (row := _row(place, own, _grants(place, found), now[place.stack]))]


def _row(place: Place, own: Sequence[Row], grants: set[int], now: datetime) -> Row | None:
    if not (own or grants) or any(row.kind in _SILENT or (row.kind, row.status) == ("Link", UNKNOWN) for row in own):
        return None
    links = {int(named[1]): row for row in own if row.kind == "Link" and (named := _LINK.fullmatch(row.name))}
    if not (links or grants) and any(row.kind == "Link" for row in own):
        # Made by hand: nothing is known of its grant.
        return None
    newest, granted = max(links, default=0), max(grants, default=0)
    status, said = PENDING, f"rotation {newest}"
    if not links:
        status, said = _unlinked(granted, _redeemed(own))
    elif grants and newest != granted:
        # A primary that was made anew begins with rotation 1 again.
        said = f"rotation {granted} is granted, and the link is of rotation {newest}"
    elif len(links) > 1:
        earlier = ", ".join(str(one) for one in sorted(links)[:-1])
        said = f"rotation {newest}, and links of {earlier} are still there"
    else:
        status = READY
    if newest and (made := links[newest].created):
        said += f", {span((now - datetime.fromisoformat(made)).total_seconds())} ago"
    return Row(place.stack, KIND, place.site, status, said, place.namespace)


def _unlinked(granted: int, redeemed: set[int]) -> tuple[str, str]:
    """Where there is no link: whether it is still to come; a token that was redeemed makes no second one."""
    if granted in redeemed or (redeemed and not granted):
        return ERROR, "the link is gone, and its token was redeemed: the next rotation makes one"
    return PENDING, f"rotation {granted} is granted, and there is no link yet" if granted else "there is no link yet"


def _redeemed(own: Sequence[Row]) -> set[int]:
    """The rotations whose tokens have been redeemed, which each makes one Link, once."""
    tokens = [row for row in own if row.kind == "AccessToken" and row.ready]
    return {int(named[1]) for row in tokens if (named := _LINK.fullmatch(row.name))}


def _grants(place: Place, found: Found) -> set[int]:
    """The rotations that the primary grants to a standby; none where it was not looked at."""
    named = re.compile(rf"rhsi-{re.escape(place.site)}-grant-(\d+)")
    names = [
        row.name for other, own in found if other.stack == place.primary for row in own if row.kind == "AccessGrant"
    ]
    return {int(match[1]) for name in names if (match := named.fullmatch(name))}
