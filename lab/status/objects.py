"""What the objects of link and databases say of themselves: for each kind, its state in one word and the rest in a few.

Pure functions of a manifest and the time. Pods and Jobs are the business of pods.py.
"""

from datetime import datetime

from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.cnpg.kinds import GROUPS
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.kinds import EXTERNAL_SECRET, SECRET_STORE, STATEFUL_SET
from lab.stand_ins.network_observer.kinds import NETWORK_OBSERVER
from lab.stand_ins.skupper.api import CONNECTOR, CUT, GRANT, LINK, LISTENER, SITE, TOKEN
from lab.status.clusters import database_namespace
from lab.status.row import ERROR, PENDING, READY, counted, span

SECRETS = (SECRET_STORE, EXTERNAL_SECRET)
LINK_KINDS = (SITE, GRANT, *SECRETS, TOKEN, LINK, CONNECTOR, LISTENER, STATEFUL_SET, NETWORK_OBSERVER)
"""Those of the link and of services that cross it, in the namespace of the Skupper site."""

DATABASE_KINDS = (
    *SECRETS,
    *(kind for group in GROUPS for kind in (group.cluster, group.publication, group.subscription)),
)
"""Those of the replicated databases, in a namespace of their own."""


def kinds(stack: Stack, namespace: str) -> list[Kind]:
    """The kinds that count in one of the stack's namespaces; both lots where the two are one."""
    link = LINK_KINDS if namespace == stack.namespace else ()
    database = DATABASE_KINDS if namespace == database_namespace(stack) else ()
    return list(dict.fromkeys([*link, *database]))


def describe(  # noqa: PLR0911 - one for each kind that differs
    kind: str, item: Manifest, now: datetime
) -> tuple[str, str]:
    """State and detail of an object of one of these kinds."""
    if item["metadata"].get("deletionTimestamp"):
        return PENDING, "being deleted"
    status: Manifest = item.get("status") or {}
    match kind:
        case "AccessGrant":
            return _grant(item, status, now)
        case "Publication" | "Subscription":
            return _applied(status)
        case "NetworkObserver":
            return _observer(status)
        case "Link" if (item["metadata"].get("annotations") or {}).get(CUT) == "true":
            return PENDING, "it is cut: `python -m lab link restore` restores it"
        case "StatefulSet":
            ready, wanted = status.get("readyReplicas") or 0, item["spec"].get("replicas", 1)
            detail = f"{ready} of {wanted} ready" if wanted else "scaled to 0: nothing runs"
            return (READY if ready == wanted > 0 else PENDING), detail
    state = _state(status)
    return state, _detail(kind, status) if state == READY else _why(kind, status)


def _grant(item: Manifest, status: Manifest, now: datetime) -> tuple[str, str]:
    """A grant is used up or has time left; one that expired before anybody used it is good for nothing."""
    redemptions, allowed = status.get("redemptions") or 0, item["spec"].get("redemptionsAllowed") or 1
    redeemed, left = f"redeemed {redemptions} of {allowed}", _seconds_until(status.get("expirationTime"), now)
    if (state := _state(status)) != READY:
        return state, _why("AccessGrant", status) or redeemed
    if redemptions >= allowed or left is None:
        return READY, redeemed
    if left > 0:
        return READY, f"{redeemed}, {span(left)} left"
    if redemptions:
        return READY, f"{redeemed}, expired"
    return ERROR, f"expired {span(-left)} ago, {redeemed}: `python -m lab rotate` makes another"


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
