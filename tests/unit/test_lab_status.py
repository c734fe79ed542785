"""What is said of the lab's objects, pods, Jobs and copies of databases, by manifests and figures as they stood."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from lab.home import Home
from lab.kube import Manifest
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api, Kind
from lab.stand_ins.controller.kinds import EVENT, JOB, POD
from lab.stand_ins.pods import logs
from lab.status import logical, pods, streaming
from lab.status.copies import SEGMENT, Replication
from lab.status.logical import Publisher, Subscriber
from lab.status.objects import describe
from lab.status.row import Row, counted, size, span
from lab.status.streaming import Receiving, Sending
from lab.status.warnings import Warnings

NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
STANDBY = Stack(
    "site-b",
    {"rhsi:role": "standby", "rhsi:primaryStack": "site-a", "rhsi:cluster": {"context": "site-b", "namespace": "rhsi"}},
)
NOT_READY = {"type": "Ready", "status": "False", "reason": "InvalidProviderConfig", "message": "permission denied"}


def ready(**status: object) -> Manifest:
    return {"status": {"status": "Ready", "message": "OK", **status}}


def grant(expires: str, redemptions: int, allowed: int = 1) -> Manifest:
    return {
        "spec": {"redemptionsAllowed": allowed},
        **ready(expirationTime=f"2026-11-27T{expires}:00Z", redemptions=redemptions),
    }


@pytest.mark.parametrize(
    ("kind", "item", "expected"),
    [
        ("Site", ready(sitesInNetwork=1), ("Ready", "1 site in the network")),
        ("Site", ready(sitesInNetwork=2), ("Ready", "2 sites in the network")),
        ("AccessGrant", grant("16:12", 0), ("Ready", "redeemed 0 of 1, 12 min left")),
        ("AccessGrant", grant("15:12", 1), ("Ready", "redeemed 1 of 1")),
        ("AccessGrant", grant("15:12", 1, 2), ("Ready", "redeemed 1 of 2, expired")),
        (
            "AccessGrant",
            grant("15:12", 0),
            ("Error", "expired 48 min ago, redeemed 0 of 1: `python -m lab rotate` makes another"),
        ),
        (
            "AccessGrant",
            {"spec": {}, "status": {"status": "Error", "message": 'Invalid duration "1 day"'}},
            ("Error", 'Invalid duration "1 day"'),
        ),
        ("SecretStore", {"status": {"conditions": [NOT_READY]}}, ("Error", "permission denied")),
        ("ExternalSecret", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, ("Ready", "")),
        ("ExternalSecret", {}, ("Pending", "")),
        ("AccessToken", ready(redeemed=True), ("Ready", "redeemed")),
        (
            "AccessToken",
            {"status": {"status": "Error", "message": "Controller got failed response: 404 (Not Found)"}},
            ("Error", "Controller got failed response: 404 (Not Found)"),
        ),
        ("Link", ready(remoteSiteName="rhsi-primary"), ("Ready", "to rhsi-primary")),
        ("Link", {"status": {"status": "Pending", "message": "Not operational"}}, ("Pending", "Not operational")),
        (
            "Listener",
            {"status": {"status": "Pending", "message": "No matching connectors"}},
            ("Pending", "No matching connectors"),
        ),
        ("StatefulSet", {"spec": {"replicas": 1}, "status": {"replicas": 1}}, ("Pending", "0 of 1 ready")),
        ("StatefulSet", {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}}, ("Ready", "2 of 2 ready")),
        ("StatefulSet", {"spec": {"replicas": 0}, "status": {"replicas": 0}}, ("Pending", "scaled to 0: nothing runs")),
        (
            "Cluster",
            {"status": {"phase": "Setting up primary", "phaseReason": "Creating primary", "conditions": [NOT_READY]}},
            ("Error", "Setting up primary: Creating primary"),
        ),
        ("Subscription", {"status": {"applied": False, "message": "no such slot"}}, ("Error", "no such slot")),
        ("Subscription", {"status": {"applied": True}}, ("Ready", "")),
        ("Publication", {}, ("Pending", "not applied yet")),
    ],
)
def test_an_object_says_its_state_and_what_a_person_wants_to_know(
    kind: str, item: Manifest, expected: tuple[str, str]
) -> None:
    assert describe(kind, {"metadata": {"name": "it"}, **item}, NOW) == expected


def test_what_is_being_deleted_is_not_ready() -> None:
    metadata = {"name": "it", "deletionTimestamp": "2026-11-27T15:59:00Z"}
    assert describe("Site", {"metadata": metadata, **ready(sitesInNetwork=2)}, NOW) == ("Pending", "being deleted")


def test_a_link_that_was_cut_by_command_names_the_command_that_restores_it() -> None:
    item = {"metadata": {"name": "it", "annotations": {"lab.rhsi/cut": "true"}}, **ready()}
    assert describe("Link", item, NOW) == ("Pending", "it is cut: `python -m lab link restore` restores it")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (119, "119 s"), (720, "12 min"), (7199, "119 min"), (7200, "2 h"), (4e5, "4 days")],
)
def test_a_length_of_time_is_written_in_its_largest_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_amounts_are_written_as_people_say_them() -> None:
    assert [size(1), size(9_999), size(318_304), size(17_000_000)] == ["1 byte", "9999 bytes", "318 kB", "17 MB"]
    assert counted(1, "site") == "1 site"


# Pods and Jobs.


class Recorded:
    """The lists of a namespace as an API server gave them."""

    def __init__(self, **lists: list[Manifest]) -> None:
        self._lists = lists

    def list(self, kind: Kind, _namespace: str) -> list[Manifest]:
        return self._lists.get(kind.plural, [])


def rows(
    home: Path, *, pods_: list[Manifest], jobs: list[Manifest] | None = None, events: list[Manifest] | None = None
) -> list[Row]:
    recorded = Recorded(**{POD.plural: pods_, JOB.plural: jobs or [], EVENT.plural: events or []})
    api = cast("Api", recorded)
    return pods.rows(api, Home(home), STANDBY, "rhsi", Warnings(api, "rhsi"))


def pod(name: str, *, phase: str = "Running", owner: Manifest | None = None, **status: object) -> Manifest:
    metadata = {"name": name, **({"ownerReferences": [owner]} if owner else {})}
    return {"metadata": metadata, "status": {"phase": phase, **status}}


def printed(home: Path, pod_name: str, container: str, text: str) -> None:
    (logs.folder(Home(home), "site-b", "rhsi", pod_name) / f"{container}.log").write_text(text)


CLAIM = {"kind": "Job", "name": "create-access-token-from-vault"}


def test_a_pod_that_is_ready_or_done_is_not_worth_a_line(tmp_path: Path) -> None:
    serving = pod("postgres-primary-0", conditions=[{"type": "Ready", "status": "True"}])
    assert rows(tmp_path, pods_=[serving, pod("done", phase="Succeeded")]) == []


def test_a_pod_without_its_image_says_so(tmp_path: Path) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere/postgres:16"'}
    held = pod(
        "postgres-primary-0", phase="Pending", containerStatuses=[{"name": "postgres", "state": {"waiting": waiting}}]
    )
    assert rows(tmp_path, pods_=[held]) == [
        Row(
            "site-b",
            "Pod",
            "postgres-primary-0",
            "Error",
            'postgres ImagePullBackOff: Back-off pulling image "nowhere/postgres:16"',
        ),
    ]


def test_a_container_that_keeps_ending_says_its_last_words(tmp_path: Path) -> None:
    state = {
        "name": "prepare",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 1}},
    }
    printed(
        tmp_path, "postgres-primary-0", "prepare", "Making the database cluster...\nUID 26 has no name in this image\n"
    )
    (found,) = rows(tmp_path, pods_=[pod("postgres-primary-0", phase="Pending", initContainerStatuses=[state])])
    assert (found.status, found.detail) == ("Error", "prepare CrashLoopBackOff: UID 26 has no name in this image")


def test_a_pod_that_runs_and_is_not_ready_says_what_its_probe_said_last(tmp_path: Path) -> None:
    about: Manifest = {"involvedObject": {"kind": "Pod", "name": "postgres-standby-0"}, "type": "Warning"}
    events = [
        {**about, "message": "Readiness probe failed: It receives no WAL.", "lastTimestamp": "2026-11-27T15:59:00Z"},
        {**about, "message": "Readiness probe failed: no such file", "lastTimestamp": "2026-11-27T15:50:00Z"},
        {**about, "involvedObject": {**about["involvedObject"], "uid": "earlier"}, "message": "of an earlier pod"},
    ]

    def at(started: str) -> tuple[str, str]:
        state = {"running": {"startedAt": f"2026-11-27T{started}:00Z"}}
        running = pod("postgres-standby-0", containerStatuses=[{"name": "postgres", "state": state}])
        (found,) = rows(tmp_path, pods_=[running], events=events)
        return found.status, found.detail

    assert at("15:55") == ("Pending", "Readiness probe failed: It receives no WAL.")
    printed(tmp_path, "postgres-standby-0", "postgres", "LOG: starting\n")
    assert at("16:00") == ("Pending", "LOG: starting"), "the warning is about an earlier run"


def test_a_failed_job_is_one_line_with_the_sentence_that_its_pod_ended_with(tmp_path: Path) -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    message = "Waiting for the grant...\nThe grant has expired: set another rotation, then run `pulumi up`.\n"
    ended = {"name": "claim", "state": {"terminated": {"exitCode": 1, "message": message}}}
    (found,) = rows(
        tmp_path,
        jobs=[{"metadata": {"name": CLAIM["name"]}, "status": {"conditions": [failed]}}],
        pods_=[pod("create-access-token-from-vault-x7k2p", phase="Failed", owner=CLAIM, containerStatuses=[ended])],
    )
    assert (found.kind, found.status) == ("Job", "Error")
    assert found.detail == "The grant has expired: set another rotation, then run `pulumi up`."


def test_a_job_that_runs_says_the_last_line_of_its_log_and_a_complete_one_nothing(tmp_path: Path) -> None:
    name = "create-access-token-from-vault-x7k2p"
    printed(tmp_path, name, "claim", f"first\nWaiting for Link standby-from-vault-2{'.' * 300}\n\n")
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    (found,) = rows(
        tmp_path,
        jobs=[{"metadata": {"name": CLAIM["name"]}}, {"metadata": {"name": "smoke-test"}, "status": complete}],
        pods_=[pod(name, owner=CLAIM, containerStatuses=[{"name": "claim", "state": {"running": {}}}])],
    )
    assert found.status == "Pending"
    assert found.detail.startswith("Waiting for Link standby-from-vault-2...")
    assert len(found.detail) == 200


def test_a_pod_that_nothing_has_begun_says_so(tmp_path: Path) -> None:
    (found,) = rows(tmp_path, pods_=[pod("postgres-primary-0", phase="Pending")])
    assert (found.status, found.detail) == ("Pending", "no node has taken it yet")


# Copies of databases.

RECEIVES = Receiving(
    in_recovery=True,
    replay="not paused",
    position="0/3000148",
    change_seconds=4.0,
    connected=True,
    state=None,
    message_seconds=None,
)
SENDS = Sending(active=True, wal="reserved", position="0/3000148", state=None, lag_ms=None)


@pytest.mark.parametrize(
    ("here", "there", "status", "said"),
    [
        (RECEIVES, SENDS, "Ready", "streaming, 0 bytes behind, last change 4 s ago"),
        (
            replace(RECEIVES, state="streaming", message_seconds=2.5),
            replace(SENDS, state="streaming", lag_ms=1.25),
            "Ready",
            "streaming, 0 bytes behind, lag 1.2 ms, last change 4 s ago, last message 2 s ago",
        ),
        (
            replace(RECEIVES, connected=False, change_seconds=130.0),
            replace(SENDS, active=False, position="0/3050148"),
            "Error",
            "it receives no WAL, and its slot site_b is not in use, 327 kB behind, last change 2 min ago",
        ),
        (
            RECEIVES,
            replace(SENDS, active=False),
            "Error",
            "its slot site_b is not in use: postgres-primary sends it nothing, 0 bytes behind, last change 4 s ago",
        ),
        (
            replace(RECEIVES, replay="paused"),
            SENDS,
            "Error",
            "it receives WAL and does not replay it: replay is paused, 0 bytes behind, last change 4 s ago",
        ),
        (
            RECEIVES,
            replace(SENDS, position="1/0"),
            "Pending",
            "catches up, 4244 MB behind, last change 4 s ago",
        ),
        (
            RECEIVES,
            replace(SENDS, state="catchup"),
            "Pending",
            "catches up, 0 bytes behind, last change 4 s ago",
        ),
        (
            replace(RECEIVES, in_recovery=False, replay=None),
            SENDS,
            "Promoted",
            "it was promoted: it takes writes itself, and follows nobody, last change 4 s ago",
        ),
        (RECEIVES, None, "Error", "it receives, but why, last change 4 s ago"),
        (None, SENDS, "Error", "why"),
    ],
)
def test_a_standby_is_ready_only_while_it_receives_and_replays(
    here: Receiving | None, there: Sending | None, status: str, said: str
) -> None:
    found = streaming.judged(STANDBY, "site_b", here, there, "why", takes_writes=False)
    assert (found.status, found.detail) == (status, f"{said}, from postgres-primary")
    assert found.running == (status in {"Ready", "Pending"} or there is None)


@pytest.mark.parametrize("there", [SENDS, None])
def test_a_promoted_server_is_ready_where_its_stack_wants_it_promoted(there: Sending | None) -> None:
    promoted = replace(RECEIVES, in_recovery=False, replay=None)
    found = streaming.judged(STANDBY, "site_b", promoted, there, "why", takes_writes=True)
    assert (found.status, found.detail) == ("Ready", "promoted, takes the writes, last change 4 s ago")
    follows = streaming.judged(STANDBY, "site_b", RECEIVES, SENDS, "", takes_writes=True)
    assert follows.state == "streaming"


SUBSCRIBED = Replication(stack="site-b", copy="site_b_from_site_a", source="edb-site-a")
APPLIES = Subscriber(enabled=True, works=True, message_seconds=3.0, unfinished_tables=0)
PUBLISHES = Publisher(active=True, wal="reserved", bytes_behind=0, state="streaming", lag_ms=None)


@pytest.mark.parametrize(
    ("here", "there", "status", "problem"),
    [
        (APPLIES, PUBLISHES, "Ready", ""),
        (
            replace(APPLIES, enabled=False),
            PUBLISHES,
            "Error",
            "it is disabled: ALTER SUBSCRIPTION site_b_from_site_a ENABLE",
        ),
        (
            replace(APPLIES, works=False),
            replace(PUBLISHES, active=False),
            "Error",
            "it receives nothing: its slot site_b_from_site_a is not in use",
        ),
        (replace(APPLIES, works=False), PUBLISHES, "Error", "it receives nothing: its worker does not run"),
        (
            APPLIES,
            replace(PUBLISHES, wal="lost"),
            "Error",
            "its slot site_b_from_site_a is lost, for it was away too long (docs/troubleshooting/replicated.md)",
        ),
        (replace(APPLIES, unfinished_tables=1), PUBLISHES, "Pending", "1 table to be copied"),
        (APPLIES, replace(PUBLISHES, state="catchup"), "Pending", "catches up"),
        (APPLIES, replace(PUBLISHES, bytes_behind=SEGMENT + 1), "Pending", "catches up"),
        (APPLIES, None, "Error", "why"),
        (None, PUBLISHES, "Error", "why"),
    ],
)
def test_a_subscription_is_ready_only_while_its_worker_applies_what_its_slot_sends(
    here: Subscriber | None, there: Publisher | None, status: str, problem: str
) -> None:
    found = logical.judged(SUBSCRIBED, here, there, "why")
    assert (found.status, found.problem) == (status, problem)
    assert found.running == (status != "Error")
