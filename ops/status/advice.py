"""The commands that the sentences of a look name, and the one that comes next for whatever is not Ready.

Owns Pulumi's and `oc`'s commands. The lab has its own, in the same methods (lab/status/advice.py).
"""

import re

from ops.clusters import Cluster, ClusterError, Manifest
from ops.status import inside
from ops.status.place import Place
from ops.status.row import ERROR, EXPIRED, UNKNOWN, Row

_GRANT = re.compile(r"rhsi-(?P<site>.+)-grant-\d+")
LOG_LINES = 20
_AWAITED = frozenset({"Rotation", "stack"})
"""What waits for somebody to run `up`; a Job that failed is repeated by it."""


class Advice:
    """For whoever works with `pulumi` and `oc`."""

    def another_grant(self, place: Place, grant: str) -> str:
        """What makes a grant anew, as the end of a sentence."""
        found = _GRANT.fullmatch(grant)
        key = f"rhsi:standbys.{found['site'] if found else '<site>'}.rotation"
        return f"one more in {key}, then `pulumi up -s {place.stack}`, makes another"

    def nothing_stands(self, place: Place) -> str:
        """What to do where a stack has nothing on its cluster."""
        return f"nothing stands: `pulumi up -s {place.stack}` brings it up"

    def unanswered(self, place: Place, error: ClusterError) -> str:  # noqa: ARG002 - the lab needs the place
        """Why a cluster could not be asked."""
        return str(error).rstrip(".")

    def known(self, kind: str, item: Manifest) -> tuple[str, str] | None:  # noqa: ARG002 - the lab has something to say
        """State and detail of an object of which the object itself tells nothing; None for all others."""
        return None

    def last_line(self, place: Place, cluster: Cluster, namespace: str, name: str, container: str) -> str:  # noqa: ARG002
        """What a container of a pod, or of the last pod of a Job (without `container`), has printed last."""
        if not container:
            # The pods of a Job that are there are asked by their own names.
            return ""
        return inside.last_line(inside.log(cluster, namespace, name, container, LOG_LINES))

    def next(self, place: Place, row: Row) -> str:
        """The command that says more of a row that is not Ready, or sets it right; empty where there is none."""
        oc = f"oc --context {place.context} -n {row.namespace or place.namespace}"
        if row.status == UNKNOWN:
            return f"{oc} auth can-i --list"
        if row.kind in _AWAITED or (row.kind == "Job" and row.status == ERROR):
            return f"pulumi up -s {row.stack}"
        if row.kind == "AccessGrant" and row.detail.startswith(EXPIRED) and (command := _rotation(place, row.name)):
            return command
        special = {
            "cluster": f"oc --context {place.context} get --raw /readyz",
            # The sentence says what is wrong; what to do is more than one command (docs/troubleshooting/).
            "Replication": "",
            "Pod": f"{oc} logs {row.name} --all-containers --tail=20",
            "Operator": f"{oc} get subscriptions.operators.coreos.com,installplans,csv",
        }
        return special.get(row.kind, f"{oc} describe {row.kind.lower()} {row.name}")


def _rotation(place: Place, grant: str) -> str:
    """The command of the next rotation; empty where the grant is of a standby that the settings do not have."""
    named = _GRANT.fullmatch(grant)
    if named is None or named["site"] not in place.rotations:
        return ""
    key, number = f"rhsi:standbys.{named['site']}.rotation", place.rotations[named["site"]] + 1
    return f"pulumi config set --path '{key}' {number} -s {place.stack} && pulumi up -s {place.stack}"
