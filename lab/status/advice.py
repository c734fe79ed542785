"""What the lab says in the sentences of a look: its own commands, its dead processes, links that it has cut itself."""

from lab.environment import Environment
from lab.home import Home
from lab.kube import Manifest
from lab.stand_ins.pods import logs
from lab.stand_ins.skupper.api import CUT
from lab.status.clusters import unanswered
from ops.clusters import Cluster, ClusterError
from ops.status import inside
from ops.status.advice import Advice
from ops.status.place import Place
from ops.status.row import PENDING, Row

_LINE_BYTES = 4096


class LabAdvice(Advice):
    """For whoever works with `python -m lab`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self._environment = environment
        self._home = Home(environment.root)

    def another_grant(self, place: Place, grant: str) -> str:  # noqa: ARG002 - as in the base class
        """Of whichever grant: the command rotates all."""
        return "`python -m lab rotate` makes another"

    def nothing_stands(self, place: Place) -> str:
        """What to do where a stack has nothing on its cluster."""
        return f"nothing stands: `python -m lab up -s {place.stack}` brings it up"

    def missing(self, place: Place) -> str:
        """What to do where something that a stack has made is gone."""
        return f"there is none: `python -m lab up --refresh -s {place.stack}` makes it"

    def unanswered(self, place: Place, error: ClusterError) -> str:
        """The dead processes behind an API server that gives no answer, where there are."""
        return unanswered(self._environment, place.context, error)

    def known(self, kind: str, item: Manifest) -> tuple[str, str] | None:
        """A Link that was cut by command does not tell so itself."""
        if kind == "Link" and (item["metadata"].get("annotations") or {}).get(CUT) == "true":
            return PENDING, "it is cut: `python -m lab link restore` restores it"
        return None

    def last_line(self, place: Place, cluster: Cluster, namespace: str, name: str, container: str) -> str:  # noqa: ARG002
        """Out of the lab's own files, where a pod's log stays when the pod is gone."""
        files = logs.find(self._home, place.context, namespace, name)
        found = [log for log in files if not container or log.stem == container]
        return inside.last_line(logs.tail(found[-1], size=_LINE_BYTES)) if found else ""

    def next(self, place: Place, row: Row, primary: Place | None) -> str:  # noqa: ARG002 - as in the base class
        """Nothing: the sentences name the lab's few commands."""
        return ""
