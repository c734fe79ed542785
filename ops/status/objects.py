"""What the objects of link and databases say of themselves: for each kind, its state in one word and the rest in a few.

Pure functions of a manifest and the time. Pods and Jobs are the business of pods.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ops.clusters import Manifest
from ops.status import conditions
from ops.status.advice import UNSCALED, Advice
from ops.status.kinds import (
    CLUSTERS,
    CONNECTOR,
    EXTERNAL_SECRET,
    GRANT,
    LINK,
    LISTENER,
    NETWORK_OBSERVER,
    PUBLICATIONS,
    SECRET_STORE,
    SITE,
    STATEFUL_SET,
    SUBSCRIPTIONS,
    TOKEN,
    Kind,
)
from ops.status.place import EDB, OBSERVER, POSTGRES, Place
from ops.status.rotation import GRANT as GRANT_NAME
from ops.status.row import ERROR, EXPIRED, PENDING, READY, counted, span
from ops.status.streaming import PRIMARY, STANDBY

SECRETS = (SECRET_STORE, EXTERNAL_SECRET)
LINK_KINDS = (SITE, GRANT, *SECRETS, TOKEN, LINK, CONNECTOR, LISTENER, STATEFUL_SET, NETWORK_OBSERVER)
"""Those of the link and of services that cross it, in the namespace of the Skupper site."""

DATABASE_KINDS = (
    *SECRETS,
    *(kind for group in zip(CLUSTERS, PUBLICATIONS, SUBSCRIPTIONS, strict=True) for kind in group),
)
"""Those of the replicated databases, in a namespace of their own."""

_PART: Mapping[Kind, str] = {
    STATEFUL_SET: POSTGRES,
    NETWORK_OBSERVER: OBSERVER,
    **dict.fromkeys((*CLUSTERS, *PUBLICATIONS, *SUBSCRIPTIONS), EDB),
}
"""The kinds that only a part of a stack has."""


def needed(kind: Kind, place: Place) -> bool:
    """Whether a stack has objects of a kind that a look cannot do without."""
    if part := _PART.get(kind):
        return part in place.parts
    if kind == TOKEN:
        # Its Link says more, and whoever may read tokens may take an unredeemed one.
        return False
    if kind == GRANT:
        return not place.primary
    return bool(place.primary) or kind not in (*SECRETS, LINK)


def wanted(place: Place) -> list[tuple[Sequence[Kind], str]]:
    """What stands where a stack is up: the kinds that it may be of, and its name, or `*` where a person chose that.

    Links are the business of rotation.py. Names are those of components/postgres and components/edb.
    """
    server = STANDBY if place.primary else PRIMARY
    return [
        ((SITE,), "*"),
        *([((STATEFUL_SET,), server)] if POSTGRES in place.parts else []),
        *([(CLUSTERS, f"edb-{place.site}")] if EDB in place.parts else []),
    ]


def kinds(place: Place, namespace: str) -> list[Kind]:
    """The kinds that count in one of the stack's namespaces; both lots where the two are one."""
    link = LINK_KINDS if namespace == place.namespace else ()
    database = DATABASE_KINDS if namespace == place.databases else ()
    return list(dict.fromkeys([*link, *database]))


def describe(  # noqa: PLR0911 - one for each kind that differs
    kind: str, item: Manifest, now: datetime, place: Place, advice: Advice
) -> tuple[str, str]:
    """State and detail of an object of one of these kinds."""
    if item["metadata"].get("deletionTimestamp"):
        return PENDING, "being deleted"
    if known := advice.known(kind, item):
        return known
    status: Manifest = item.get("status") or {}
    match kind:
        case "AccessGrant":
            return _grant(item, status, now, advice.another_grant(place, item["metadata"]["name"]))
        case "Publication" | "Subscription":
            return _applied(status)
        case "NetworkObserver":
            return _observer(status)
        case "StatefulSet":
            ready, count = status.get("readyReplicas") or 0, item["spec"].get("replicas", 1)
            detail = f"{ready} of {count} ready" if count else UNSCALED
            return (READY if ready == count > 0 else PENDING), detail
    state = _state(status)
    if state != READY:
        return state, _why(kind, status)
    return state, ", ".join(text for text in (_detail(kind, status), _age(kind, item, status, now)) if text)


def _age(kind: str, item: Manifest, status: Manifest, now: datetime) -> str:
    """How old it is, or how long it lasts. A Link is as old as its certificate, which came with it."""
    match kind:
        case "Link":
            made = _seconds_until(item["metadata"].get("creationTimestamp"), now)
            return "" if made is None else f"certificate {span(-made)} old"
        case "ExternalSecret":
            synced = _seconds_until(status.get("refreshTime"), now)
            return "" if synced is None else f"synced {span(-synced)} ago"
        case "Cluster":
            ends = ((status.get("certificates") or {}).get("expirations") or {}).values()
            left = [seconds for text in ends if (seconds := _seconds_until(_go_time(text), now)) is not None]
            return f"certificates end in {span(min(left))}" if left else ""
    return ""


def _go_time(text: str) -> str:
    """A time as Go's `Time.String` writes it (`2027-02-25 12:00:00 +0000 UTC`), in a form of ISO 8601."""
    return " ".join(str(text).split()[:3]).replace(" +", "+").replace(" -", "-")


def _grant(item: Manifest, status: Manifest, now: datetime, another: str) -> tuple[str, str]:
    """A grant is used up or has time left; one that expired before anybody used it is good for nothing."""
    redemptions, allowed = status.get("redemptions") or 0, item["spec"].get("redemptionsAllowed") or 1
    redeemed, left = f"redeemed {redemptions} of {allowed}", _seconds_until(status.get("expirationTime"), now)
    if (state := _state(status)) != READY:
        return state, _why("AccessGrant", status) or redeemed
    if redemptions >= allowed or left is None:
        return READY, redeemed
    if left > 0:
        return READY, f"{redeemed}, {span(left)} left"
    if redemptions or not GRANT_NAME.fullmatch(item["metadata"]["name"]):
        # Somebody else's says nothing about this stack.
        return READY, f"{redeemed}, expired"
    return ERROR, f"{EXPIRED}{span(-left)} ago, {redeemed}: {another}"


def _observer(status: Manifest) -> tuple[str, str]:
    """By the helm operator's conditions; where its page is, is the business of observers.py."""
    failed = conditions.find(status, "ReleaseFailed")
    if failed.get("status") == "True":
        return ERROR, str(failed.get("message") or failed.get("reason")).splitlines()[0]
    return (READY, "") if conditions.is_true(status, "Deployed") else (PENDING, "not deployed yet")


def _applied(status: Manifest) -> tuple[str, str]:
    message = str(status.get("message") or "")
    if "applied" not in status:
        return PENDING, message or "not applied yet"
    return (READY if status["applied"] else ERROR), message


def _state(status: Manifest) -> str:
    """By the kind's own word where it has one, else by its condition Ready, or Redeemed."""
    if "status" in status:
        return str(status["status"])
    decisive = conditions.find(status, "Ready") or conditions.find(status, "Redeemed")
    return {"True": READY, "False": ERROR}.get(str(decisive.get("status")), PENDING)


def _why(kind: str, status: Manifest) -> str:
    """What it says of not being Ready: its message, or that of the first condition that is not True."""
    if kind == "Cluster":
        return ": ".join(str(status[field]) for field in ("phase", "phaseReason") if status.get(field))
    if message := status.get("message"):
        return str(message)
    unmet = [one for one in status.get("conditions") or [] if one.get("status") != "True"]
    # Ready sums up what the others say in detail, but some kinds have no other.
    unmet.sort(key=lambda one: bool(one["type"] == "Ready"))
    said = [str(one.get("message") or one.get("reason") or "") for one in unmet]
    return next((text for text in said if text), "")


def _detail(kind: str, status: Manifest) -> str:
    match kind:
        case "Site":
            return f"{counted(status.get('sitesInNetwork') or 0, 'site')} in the network"
        case "Link":
            return f"to {status.get('remoteSiteName') or 'nowhere yet'}"
        case "AccessToken":
            return "redeemed"
        case "Cluster":
            return str(status.get("phase") or "")
    message = str(status.get("message") or "")
    return "" if message == "OK" else message


def _seconds_until(time: str | None, now: datetime) -> float | None:
    try:
        return (datetime.fromisoformat(time or "") - now).total_seconds()
    except ValueError:
        return None
