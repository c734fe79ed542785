"""What is said of objects, pods, Jobs and copies of databases, by manifests and figures as they stood."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest

from ops.clusters import Cluster, Manifest
from ops.status import logical, pods, streaming
from ops.status.advice import Advice
from ops.status.copies import SEGMENT, Replication
from ops.status.logical import Publisher, Subscriber
from ops.status.objects import describe
from ops.status.place import Place
from ops.status.row import Row, counted, size, span
from ops.status.streaming import Receiving, Sending
from ops.status.warnings import Warnings

NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
PRIMARY = Place(stack="site-a", site="site-a", primary="", context="site-a", namespace="rhsi", databases="db")
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
            (
                "Error",
                "expired 48 min ago, redeemed 0 of 1: one more in rhsi:standbys.site-b.rotation, "
                "then `pulumi up -s site-a`, makes another",
            ),
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
    metadata = {"name": "rhsi-site-b-grant-1" if kind == "AccessGrant" else "it"}
    assert describe(kind, {"metadata": metadata, **item}, NOW, PRIMARY, Advice()) == expected


def test_an_expired_grant_of_somebody_else_says_nothing_about_the_stack() -> None:
    found = describe("AccessGrant", {"metadata": {"name": "site-a-4f1c"}, **grant("15:12", 0)}, NOW, PRIMARY, Advice())
    assert found == ("Ready", "redeemed 0 of 1, expired")


def test_a_link_says_how_old_its_certificate_is_and_a_secret_when_it_was_synced() -> None:
    link = {
        "metadata": {"name": "it", "creationTimestamp": "2026-11-24T16:00:00Z"},
        **ready(remoteSiteName="rhsi-primary"),
    }
    assert describe("Link", link, NOW, PRIMARY, Advice()) == ("Ready", "to rhsi-primary, certificate 3 days old")
    synced = {"conditions": [{"type": "Ready", "status": "True"}], "refreshTime": "2026-11-27T15:30:00Z"}
    secret = {"metadata": {"name": "it"}, "status": synced}
    assert describe("ExternalSecret", secret, NOW, PRIMARY, Advice()) == ("Ready", "synced 30 min ago")


def test_a_database_cluster_says_when_the_first_of_its_certificates_ends() -> None:
    ends = {"edb-site-a-ca": "2027-02-25 12:00:00 +0000 UTC", "edb-site-a-server": "2026-12-04 18:00:00 +0200 CEST"}
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Cluster in healthy state", "conditions": conditions, "certificates": {"expirations": ends}}
    found = describe("Cluster", {"metadata": {"name": "it"}, "status": status}, NOW, PRIMARY, Advice())
    assert found == ("Ready", "Cluster in healthy state, certificates end in 7 days")


def test_what_is_being_deleted_is_not_ready() -> None:
    metadata = {"name": "it", "deletionTimestamp": "2026-11-27T15:59:00Z"}
    found = describe("Site", {"metadata": metadata, **ready(sitesInNetwork=2)}, NOW, PRIMARY, Advice())
    assert found == ("Pending", "being deleted")


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


class Events:
    """The events of a namespace as an API server gave them."""

    def __init__(self, items: list[Manifest]) -> None:
        self._items = items

    def objects(self, _api_version: str, plural: str, _namespace: str, **_query: str) -> list[Manifest]:
        assert plural == "events"
        return self._items


class Printed(dict[tuple[str, str], str]):
    """What containers have printed last, by pod and container."""

    def last_line(self, name: str, container: str) -> str:
        return self.get((name, container), "")


def rows(
    *,
    pods_: list[Manifest],
    jobs: list[Manifest] | None = None,
    events: list[Manifest] | None = None,
    printed: Printed | None = None,
) -> list[Row]:
    warnings = Warnings(cast("Cluster", Events(events or [])), "rhsi")
    said = printed or Printed()
    return pods.rows("site-b", "rhsi", jobs or [], pods_, warnings=warnings, last_line=said.last_line)


def pod(name: str, *, phase: str = "Running", owner: Manifest | None = None, **status: object) -> Manifest:
    metadata = {"name": name, **({"ownerReferences": [owner]} if owner else {})}
    return {"metadata": metadata, "status": {"phase": phase, **status}}


CLAIM = {"kind": "Job", "name": "create-access-token-from-vault"}


def test_a_pod_that_is_ready_or_done_is_not_worth_a_line() -> None:
    serving = pod("postgres-primary-0", conditions=[{"type": "Ready", "status": "True"}])
    assert rows(pods_=[serving, pod("done", phase="Succeeded")]) == []


def test_a_pod_without_its_image_says_so() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere/postgres:16"'}
    held = pod(
        "postgres-primary-0", phase="Pending", containerStatuses=[{"name": "postgres", "state": {"waiting": waiting}}]
    )
    assert rows(pods_=[held]) == [
        Row(
            "site-b",
            "Pod",
            "postgres-primary-0",
            "Error",
            'postgres ImagePullBackOff: Back-off pulling image "nowhere/postgres:16"',
            "rhsi",
            resource="pods",
        ),
    ]


def test_a_container_that_keeps_ending_says_its_last_words() -> None:
    state = {
        "name": "prepare",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 1}},
    }
    printed = Printed({("postgres-primary-0", "prepare"): "UID 26 has no name in this image"})
    held = pod("postgres-primary-0", phase="Pending", initContainerStatuses=[state])
    (found,) = rows(pods_=[held], printed=printed)
    assert (found.status, found.detail) == ("Error", "prepare CrashLoopBackOff: UID 26 has no name in this image")


def test_a_pod_that_runs_and_is_not_ready_says_what_its_probe_said_last() -> None:
    about: Manifest = {"involvedObject": {"kind": "Pod", "name": "postgres-standby-0"}, "type": "Warning"}
    events = [
        {**about, "message": "Readiness probe failed: It receives no WAL.", "lastTimestamp": "2026-11-27T15:59:00Z"},
        {**about, "message": "Readiness probe failed: no such file", "lastTimestamp": "2026-11-27T15:50:00Z"},
        {**about, "involvedObject": {**about["involvedObject"], "uid": "earlier"}, "message": "of an earlier pod"},
    ]

    def at(started: str, printed: Printed | None = None) -> tuple[str, str]:
        state = {"running": {"startedAt": f"2026-11-27T{started}:00Z"}}
        running = pod("postgres-standby-0", containerStatuses=[{"name": "postgres", "state": state}])
        (found,) = rows(pods_=[running], events=events, printed=printed)
        return found.status, found.detail

    assert at("15:55") == ("Pending", "Readiness probe failed: It receives no WAL.")
    printed = Printed({("postgres-standby-0", "postgres"): "LOG: starting"})
    assert at("16:00", printed) == ("Pending", "LOG: starting"), "the warning is about an earlier run"


def test_a_failed_job_is_one_line_with_the_sentence_that_its_pod_ended_with() -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    message = "Waiting for the grant...\nThe grant has expired: set another rotation, then run `pulumi up`.\n"
    ended = {"name": "claim", "state": {"terminated": {"exitCode": 1, "message": message}}}
    (found,) = rows(
        jobs=[{"metadata": {"name": CLAIM["name"]}, "status": {"conditions": [failed]}}],
        pods_=[pod("create-access-token-from-vault-x7k2p", phase="Failed", owner=CLAIM, containerStatuses=[ended])],
    )
    assert (found.kind, found.status) == ("Job", "Error")
    assert found.detail == "The grant has expired: set another rotation, then run `pulumi up`."


def test_a_job_that_runs_says_the_last_line_of_its_log_and_a_complete_one_nothing() -> None:
    name = "create-access-token-from-vault-x7k2p"
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    (found,) = rows(
        jobs=[{"metadata": {"name": CLAIM["name"]}}, {"metadata": {"name": "smoke-test"}, "status": complete}],
        pods_=[pod(name, owner=CLAIM, containerStatuses=[{"name": "claim", "state": {"running": {}}}])],
        printed=Printed({(name, "claim"): "Waiting for Link standby-from-vault-2"}),
    )
    assert (found.status, found.detail) == ("Pending", "Waiting for Link standby-from-vault-2")


def test_a_cron_job_that_failed_once_is_over_when_it_has_begun_again() -> None:
    def of(cron: str, name: str, night: int, *, failed: bool) -> Manifest:
        ended = {"type": "Failed" if failed else "Complete", "status": "True", "message": "no such bucket"}
        owner = {"kind": "CronJob", "name": cron}
        metadata = {"name": name, "creationTimestamp": f"2026-11-2{night}T02:00:00Z", "ownerReferences": [owner]}
        return {"metadata": metadata, "status": {"conditions": [ended]}}

    jobs = [
        of("postgres-backup", "backup-1", 5, failed=True),
        of("postgres-backup", "backup-2", 6, failed=False),
        of("other", "other-1", 5, failed=False),
        of("other", "other-2", 6, failed=True),
    ]
    (found,) = rows(jobs=jobs, pods_=[])
    assert (found.name, found.status, found.detail) == ("other-2", "Error", "no such bucket")


def test_a_pod_that_nothing_has_begun_says_so() -> None:
    (found,) = rows(pods_=[pod("postgres-primary-0", phase="Pending")])
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
    found = streaming.judged("site-b", "site_b", here, there, "why", takes_writes=False)
    assert (found.status, found.detail) == (status, f"{said}, from postgres-primary")
    assert found.running == (status in {"Ready", "Pending"} or there is None)


@pytest.mark.parametrize("there", [SENDS, None])
def test_a_promoted_server_is_ready_where_its_stack_wants_it_promoted(there: Sending | None) -> None:
    promoted = replace(RECEIVES, in_recovery=False, replay=None)
    found = streaming.judged("site-b", "site_b", promoted, there, "why", takes_writes=True)
    assert (found.status, found.detail) == ("Ready", "promoted, takes the writes, last change 4 s ago")
    follows = streaming.judged("site-b", "site_b", RECEIVES, SENDS, "", takes_writes=True)
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
        (APPLIES, None, "Error", "it receives, but why"),
        (replace(APPLIES, works=False), None, "Error", "it receives nothing: its worker does not run"),
        (None, PUBLISHES, "Error", "why"),
    ],
)
def test_a_subscription_is_ready_only_while_its_worker_applies_what_its_slot_sends(
    here: Subscriber | None, there: Publisher | None, status: str, problem: str
) -> None:
    found = logical.judged(SUBSCRIBED, here, there, "why")
    assert (found.status, found.problem) == (status, problem)
    assert found.running == (status != "Error" or problem == "it receives, but why")
