"""The commands that the sentences of a look name, and the one that comes next for whatever is not Ready.

Owns Pulumi's and `oc`'s commands. The lab has its own, in the same methods (lab/status/advice.py).
"""

import shlex

from ops.clusters import Cluster, ClusterError, Manifest
from ops.status import inside
from ops.status.place import Place
from ops.status.rotation import GRANT
from ops.status.row import ERROR, EXPIRED, MISSING, UNKNOWN, Row
from ops.status.streaming import STANDBY

LOG_LINES = 20

NOT_SERVED = "the cluster does not have this kind: its operator is not installed"

UNSCALED = "scaled to 0: nothing runs"
"""The detail of a server that somebody has turned off."""

REPEATED = frozenset(
    {
        "await-database-operator",
        "await-external-secrets-operator",
        "await-network-observer-operator",
        "await-skupper-operator",
        "check-operator-owners",
        "create-access-token-from-vault",
        "edb-published-tables",
        "edb-replication-test",
        "postgres-smoke-test",
        "postgres-upkeep",
        "renew-site-ca",
    }
)
"""The program's own Jobs: `pulumi up` repeats one that failed, and no other. To import their names takes seconds."""


class Advice:
    """For whoever works with `pulumi` and `oc` or `kubectl`."""

    def __init__(self, folder: str = "") -> None:
        """Commands for the project in `folder`; empty where it is the one that they are typed in."""
        self._within = f" -C {shlex.quote(folder)}" if folder else ""

    def another_grant(self, place: Place, grant: str) -> str:
        """What makes a grant anew, as the end of a sentence."""
        found = GRANT.fullmatch(grant)
        key = f"rhsi:standbys.{found['site'] if found else '<site>'}.rotation"
        return f"one more in {key}, then `{self._up(place)}`, makes another"

    def nothing_stands(self, place: Place) -> str:
        """What to do where a stack has nothing on its cluster."""
        return f"nothing stands: `{self._first(place)}` brings it up"

    def missing(self, place: Place) -> str:
        """What to do where something that a stack has made is gone."""
        return f"there is none: `{self._up(place, '--refresh')}` makes it"

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

    def next(self, place: Place, row: Row, primary: Place | None) -> str:  # noqa: PLR0911 - one for each kind of trouble
        """The command that says more of a row that is not Ready, or sets it right; empty where there is none.

        Args:
            place: of the row's stack.
            row: which it is about.
            primary: of a standby's, where it is known.
        """
        cli = f"{place.cli} --context {shlex.quote(place.context)}"
        within = f"{cli} -n {row.namespace or place.namespace}"
        if row.kind == "Replication":
            # The sentence says what is wrong; what to do is more than one command (docs/troubleshooting/).
            return ""
        if row.status == UNKNOWN:
            return f"{within} auth can-i --list"
        if row.status == MISSING:
            return self.doctor(row.stack) if row.detail == NOT_SERVED else self._up(place, "--refresh")
        if row.kind == "stack":
            return self._first(place)
        if row.kind == "Rotation" and row.status == ERROR:
            command = self._rotation(primary, place.site) if primary else ""
            return command and f"{command} && {self._up(place)}"
        if row.kind == "Rotation" or (row.kind == "Job" and row.status == ERROR and row.name in REPEATED):
            return self._up(place)
        if row.kind == "AccessGrant" and row.detail.startswith(EXPIRED) and (granted := GRANT.fullmatch(row.name)):
            return self._rotation(place, granted["site"])
        # A primary may be off because a standby is about to be promoted, or was: only a person knows.
        if (row.kind, row.name, row.detail) == ("StatefulSet", STANDBY, UNSCALED):
            return f"{within} scale {row.resource} {row.name} --replicas=1"
        special = {
            "cluster": f"{cli} get --raw /readyz",
            "Pod": f"{within} logs {row.name} --all-containers --tail=20",
            "Operator": f"{within} get subscriptions.operators.coreos.com,installplans,csv",
        }
        return special.get(row.kind, f"{within} describe {row.resource} {row.name}")

    def doctor(self, stack: str) -> str:
        """The command that says what is wrong with a stack's settings or its cluster."""
        return f"python -m ops doctor -s {stack}{self._within}"

    def _up(self, place: Place, *options: str) -> str:
        return " ".join(["pulumi up", *options, f"-s {place.stack}{self._within}"])

    def _first(self, place: Place) -> str:
        """What brings a stack up that Pulumi may not know yet."""
        return (
            self._up(place) if place.exists else f"pulumi stack init {place.stack}{self._within} && {self._up(place)}"
        )

    def _rotation(self, place: Place, site: str) -> str:
        """The primary's part of a site's next rotation; `pulumi up` where its settings have no such standby."""
        if site not in place.rotations:
            return self._up(place)
        key, number = f"rhsi:standbys.{site}.rotation", place.rotations[site] + 1
        return f"pulumi config set --path '{key}' {number} -s {place.stack}{self._within} && {self._up(place)}"
