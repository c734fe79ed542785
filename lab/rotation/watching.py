"""What happens to the objects of a link while somebody watches: everything, in order, with the time at which it came.

Owns the list of events; draws no conclusion (timeline.py does). After trouble with an API server, what happened
meanwhile is told late, and what came and went within is not told.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from lab.environment import Environment
from lab.home import LabError
from lab.kube import Manifest, connect
from lab.rotation import objects
from lab.rotation.objects import Watched
from lab.rotation.timeline import Event, What
from lab.stand_ins.controller.informer import Change, Informer
from lab.stand_ins.controller.kinds import SECRET

READY_SECONDS = 30
# That an API server does not answer is told by the command that waits for it, on the same screen.
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.ERROR)
WORDS: dict[Change, What] = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}


class Recorder:
    """A context manager that records while it is open. `cut` begins a new time line without a pause in watching."""

    def __init__(self, environment: Environment, watched: Sequence[Watched]) -> None:
        self._environment = environment
        self._watched = watched
        self._informers: list[Informer] = []
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._known: dict[str, Event] = {}
        self._began = time.monotonic()

    def __enter__(self) -> "Recorder":
        for watched in self._watched:
            self._informers.append(self._informer(watched))
            self._informers[-1].start()
        deadline = time.monotonic() + READY_SECONDS
        for watched, informer in zip(self._watched, self._informers, strict=True):
            if not informer.synced.wait(max(0.0, deadline - time.monotonic())):
                self.__exit__()
                raise LabError(
                    f"{watched.kind.name} objects of {watched.stack.name} cannot be watched: "
                    "see `python -m lab status`, and `python -m lab up` for what is down."
                )
        return self

    def __exit__(self, *_: object) -> None:
        for informer in self._informers:
            informer.stop()

    def now(self) -> float:
        """Milliseconds since the time line began."""
        return (time.monotonic() - self._began) * 1000

    def events(self) -> list[Event]:
        """Everything so far."""
        with self._changed:
            return list(self._events)

    def cut(self) -> None:
        """Begin a new time line, at 0, with what stands now."""
        with self._changed:
            self._began = time.monotonic()
            self._events = [Event(**{**vars(event), "at": 0.0, "what": "stood"}) for event in self._known.values()]

    def wait_for(self, settled: Callable[[list[Event]], bool], seconds: float) -> bool:
        """Wait until the events so far are as wished; whether they became so in time."""
        with self._changed:
            return self._changed.wait_for(lambda: settled(self._events), seconds)

    def _informer(self, watched: Watched) -> Informer:
        def tell(change: Change, item: Manifest) -> None:
            if watched.has(item["metadata"]["name"]):
                self._add(_event(watched, item, WORDS[change] if found.synced.is_set() else "stood", self.now()))

        client = connect(watched.stack.context, self._environment.kubeconfig, discover=False)
        is_secret = watched.kind == SECRET
        found = Informer(
            client, watched.kind, tell, namespace=watched.stack.namespace, metadata_only=is_secret, log=LOG
        )
        return found

    def _add(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            if event.what == "deleted":
                self._known.pop(event.uid, None)
            else:
                self._known[event.uid] = event
            self._changed.notify_all()


def _event(watched: Watched, item: Manifest, what: What, at: float) -> Event:
    kind = watched.kind.name
    return Event(
        at=at,
        stack=watched.stack.name,
        kind=kind,
        name=item["metadata"]["name"],
        uid=item["metadata"]["uid"],
        what=what,
        state=objects.state(kind, item),
        ready=what != "deleted" and objects.is_ready(kind, item),
    )
