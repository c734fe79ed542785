"""The machinery of every controller: queue and informer."""

import threading

from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.controller.api import key_of
from lab.stand_ins.controller.informer import Change, Informer
from lab.stand_ins.controller.workqueue import Key, WorkQueue
from lab.stand_ins.skupper.api import LINK
from tests.unit.watches import Client

ONE, TWO = Key("Link", "n/one"), Key("Link", "n/two")


def test_a_key_that_waits_is_not_queued_again() -> None:
    queue = WorkQueue()
    for key in (ONE, TWO, ONE):
        queue.add(key)
    assert [queue.get(), queue.get()] == [ONE, TWO]
    queue.add_after(TWO, 60)
    queue.close()
    assert queue.get() is None


def test_a_key_being_worked_on_follows_afterwards() -> None:
    queue = WorkQueue()
    queue.add(ONE)
    queue.get()
    queue.add(ONE)
    queue.add(TWO)
    assert queue.get() == TWO
    queue.done(ONE)
    assert queue.get() == ONE


def test_a_delayed_key_comes_when_it_is_due() -> None:
    queue = WorkQueue()
    queue.add_after(TWO, 0.05)
    queue.add_after(ONE, 0.01)
    assert [queue.get(), queue.get()] == [ONE, TWO]


def test_of_two_delays_of_a_key_the_sooner_counts() -> None:
    queue = WorkQueue()
    for delay in (0.03, 0.01, 0.02):
        queue.add_after(ONE, delay)
    assert queue.get() == ONE
    queue.done(ONE)
    queue.add_after(TWO, 0.05)
    assert queue.get() == TWO


def test_a_key_is_given_up_after_so_many_failures_and_starts_anew() -> None:
    queue = WorkQueue()
    assert [queue.retry(ONE, 2) for _ in range(4)] == [True, True, False, True]
    queue.forget(ONE)
    assert queue.retry(ONE, 1)
    assert queue.retry(TWO, None)


def link(name: str, version: int, uid: str = "u") -> Manifest:
    return {"metadata": {"namespace": "n", "name": name, "uid": f"{uid}-{name}", "resourceVersion": str(version)}}


def told(client: Client, number: int) -> tuple[Informer, list[str]]:
    """An informer after so many notifications, and their keys."""
    keys: list[str] = []
    enough = threading.Event()

    def tell(_: Change, found: Manifest) -> None:
        keys.append(key_of(found))
        if len(keys) == number:
            enough.set()

    informer: Informer = Informer(client, LINK, tell)  # type: ignore[arg-type] # only request() is called
    informer.start()
    assert enough.wait(10), keys
    informer.stop()
    return informer, keys


def test_an_informer_follows_list_and_watch() -> None:
    client = Client(
        [[link("a", 1), link("b", 2)]],
        [
            [
                {"type": "MODIFIED", "object": link("a", 11)},
                {"type": "DELETED", "object": link("b", 12)},
                {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "13"}}},
                {"type": "ADDED", "object": link("c", 14)},
            ]
        ],
    )
    informer, keys = told(client, 5)
    assert keys == ["n/a", "n/b", "n/a", "n/b", "n/c"]
    assert informer.known() == ["n/a", "n/c"]


def test_an_informer_lists_again_after_410_gone_and_reports_what_went() -> None:
    gone = {"type": "ERROR", "object": {"code": 410, "message": "too old resource version: 1 (10)"}}
    client = Client([[link("a", 1), link("b", 2)], [link("b", 20)]], [[gone]])
    informer, keys = told(client, 4)
    assert keys == ["n/a", "n/b", "n/b", "n/a"]
    assert informer.known() == ["n/b"]


def test_an_informer_survives_a_server_that_is_away() -> None:
    client = Client([ApiException(status=503), ConnectionResetError(), [link("a", 1)]], [])
    informer, _ = told(client, 1)
    assert informer.synced.wait(10)
    assert informer.known() == ["n/a"]


def test_what_we_wrote_is_not_overwritten_by_an_older_event() -> None:
    client = Client([[link("a", 1)]], [])
    informer, _ = told(client, 1)
    informer.observe({**link("a", 9), "status": {"status": "Ready"}})
    informer.observe(link("a", 5))
    assert (informer.get("n/a") or {})["status"] == {"status": "Ready"}


def test_a_cached_object_is_a_copy() -> None:
    informer, _ = told(Client([[link("a", 1)]], []), 1)
    (informer.get("n/a") or {})["metadata"]["name"] = "changed"
    assert informer.items("n")[0]["metadata"]["name"] == "a"


def test_a_mistake_in_taking_a_change_is_tried_again_with_the_next_list() -> None:
    client = Client([[link("a", 1)], [link("a", 1), link("b", 2)]], [])
    heard: list[tuple[Change, str]] = []
    enough = threading.Event()

    def tell(change: Change, found: Manifest) -> None:
        heard.append((change, key_of(found)))
        if len(heard) == 1:
            raise KeyError("a mistake")
        if len(heard) == 3:
            enough.set()

    informer = Informer(client, LINK, tell)  # type: ignore[arg-type] # only request() is called
    informer.start()
    assert enough.wait(10), heard
    informer.stop()
    assert heard == [("ADDED", "n/a"), ("MODIFIED", "n/a"), ("ADDED", "n/b")]


def test_a_namesake_in_a_later_list_is_another_object() -> None:
    gone = {"type": "ERROR", "object": {"code": 410}}
    client = Client([[link("a", 7)], [link("a", 2, uid="v")]], [[gone]])
    told_of: list[tuple[Change, str]] = []
    enough = threading.Event()

    def tell(change: Change, found: Manifest) -> None:
        told_of.append((change, found["metadata"]["uid"]))
        if len(told_of) == 3:
            enough.set()

    informer = Informer(client, LINK, tell)  # type: ignore[arg-type] # only request() is called
    informer.start()
    assert enough.wait(10), told_of
    informer.stop()
    assert told_of == [("ADDED", "u-a"), ("DELETED", "u-a"), ("ADDED", "v-a")]


def test_a_stopped_informer_ends_a_watch_in_which_nothing_happens() -> None:
    informer, _ = told(Client([[link("a", 1)]], []), 1)
    for thread in [each for each in threading.enumerate() if each.name == "watch-links"]:
        thread.join(10)
        assert not thread.is_alive()
    assert informer.known() == ["n/a"]
