"""The objects of one standby's link: where they are, which names are its own, and the state of each in a few words.

The names are those of components/link/rotation.py. Of a Secret only the metadata is ever asked for.
"""

import re
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.kinds import EXTERNAL_SECRET, JOB, SECRET
from lab.stand_ins.skupper.api import GRANT, LINK, TOKEN

CLAIMED = r"standby-from-vault-[0-9]+(-[0-9]+)?"
"""The names of claimed Links, of their tokens and Secrets; the second number belongs to a router of an HA pair."""

COUNTED = ("AccessGrant", "AccessToken", "Link", "Secret")
"""The kinds of which a standby has exactly one object each when nothing is under way."""


@dataclass(frozen=True)
class Watched:
    """One kind in one namespace, and the names in it that belong to the standby."""

    stack: Stack
    kind: Kind
    names: str

    def has(self, name: str) -> bool:
        """Whether an object of this name is the standby's."""
        return re.fullmatch(self.names, name) is not None


def of(primary: Stack, standby: Stack) -> list[Watched]:
    """Everything of one standby that a rotation creates, changes or deletes."""
    return [
        Watched(primary, GRANT, rf"rhsi-{re.escape(standby.site)}-grant-[0-9]+"),
        Watched(standby, EXTERNAL_SECRET, "rhsi-link-token"),
        Watched(standby, JOB, "create-access-token-from-vault"),
        Watched(standby, TOKEN, CLAIMED),
        Watched(standby, LINK, CLAIMED),
        Watched(standby, SECRET, CLAIMED),
    ]


def state(kind: str, item: Manifest) -> str:
    """What to say of an object."""
    return "being deleted" if item["metadata"].get("deletionTimestamp") else _progress(kind, item)


def _progress(kind: str, item: Manifest) -> str:
    status = item.get("status") or {}
    match kind:
        case "Secret":
            return ""
        case "ExternalSecret":
            wanted = (item["metadata"].get("annotations") or {}).get("rhsi/version", "?")
            return f"for grant {wanted}: {conditions.find(status, 'Ready').get('reason') or 'not synced yet'}"
        case "Job":
            return next((end for end in ("Complete", "Failed") if conditions.is_true(status, end)), "running")
        case "AccessToken":
            return "redeemed" if conditions.is_true(status, "Redeemed") else "not redeemed"
        case "AccessGrant":
            redeemed = f"redeemed {status.get('redemptions', 0)} of {item['spec'].get('redemptionsAllowed', 0)}"
            return f"{status.get('status', 'Pending')}, {redeemed}"
        case _:
            return str(status.get("status") or "Pending")


def is_ready(kind: str, item: Manifest) -> bool:
    """Whether it serves its purpose; what is being deleted no longer does."""
    if item["metadata"].get("deletionTimestamp"):
        return False
    condition = {"Job": "Complete", "AccessToken": "Redeemed"}.get(kind, "Ready")
    return kind == "Secret" or conditions.is_true(item.get("status") or {}, condition)
