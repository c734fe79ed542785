"""What a look at real clusters comes to: rows, rights that the login lacks, rotations, the commands that come next."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from components.edb import published_tables, replication_test
from components.edb.names import cluster_name
from components.link import claim, revocation
from components.operators import owners, waiting
from components.postgres import smoke_test, upkeep
from ops.clusters import ClockReading, Manifest
from ops.status import rotation, screen
from ops.status.advice import NOT_SERVED, REPEATED, UNSCALED, Advice
from ops.status.place import EDB, POSTGRES, Place, Standing
from ops.status.row import Row
from ops.status.survey import Next, Status, steps, survey
from tests.unit.recorded_cluster import RecordedCluster

NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
A = Place(stack="site-a", site="site-a", primary="", context="a", namespace="rhsi", databases="db", parts=frozenset())
B = replace(A, stack="site-b", site="site-b", primary="site-a", context="b")
MADE = "2026-11-24T16:00:00Z"


def made(name: str, **fields: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "rhsi", "creationTimestamp": MADE}, **fields}


def ready(name: str, **status: Any) -> Manifest:
    return made(name, spec={}, status={"status": "Ready", **status})


def look(*standing: tuple[Place, RecordedCluster]) -> Status:
    return survey([Standing(place, recorded.cluster) for place, recorded in standing], Advice())


SITE_A = RecordedCluster(
    sites=[ready("rhsi-primary", sitesInNetwork=2)], accessgrants=[ready("rhsi-site-b-grant-2", redemptions=1)]
)
SITE_B = RecordedCluster(
    sites=[ready("rhsi-standby", sitesInNetwork=2)],
    links=[ready("standby-from-vault-2", remoteSiteName="rhsi-primary")],
)


def test_what_stands_is_ready_stack_by_stack_with_its_rotation() -> None:
    status = look((A, SITE_A), (B, SITE_B))
    assert [(row.stack, row.kind, row.name, row.status) for row in status.rows] == [
        ("site-a", "Site", "rhsi-primary", "Ready"),
        ("site-a", "AccessGrant", "rhsi-site-b-grant-2", "Ready"),
        ("site-b", "Site", "rhsi-standby", "Ready"),
        ("site-b", "Link", "standby-from-vault-2", "Ready"),
        ("site-b", "Rotation", "site-b", "Ready"),
    ]
    said = "2 sites in the network"
    assert status.rows[0] == Row("site-a", "Site", "rhsi-primary", "Ready", said, "rhsi", MADE, "sites.skupper.io")
    assert status.rows[4].detail.startswith("rotation 2, ")
    assert (status.ok, status.next) == (True, [])
    document = status.document()
    assert json.loads(json.dumps(document)) == document
    assert document["links_ready"] is True


def test_a_site_says_how_old_its_authority_is_where_the_login_may_list_secrets() -> None:
    sites, secrets = [ready("rhsi-primary", sitesInNetwork=1)], [made("skupper-site-ca"), made("skupper-local-ca")]
    for denied, said in (((), r", authority \d+ (days|h|min|s) old"), (("secrets",), "")):
        status = look((A, RecordedCluster(denied, sites=sites, secrets=secrets)))
        assert re.fullmatch(f"1 site in the network{said}", status.rows[0].detail)
        assert status.ok


def test_nothing_standing_and_a_dead_cluster_name_their_commands() -> None:
    status = look((A, RecordedCluster()), (B, RecordedCluster(dead=True)))
    assert [(row.kind, row.status) for row in status.rows] == [("stack", "Pending"), ("cluster", "Error")]
    assert status.rows[1].detail.startswith("Context site-b does not answer: no route")
    assert [one.command for one in status.next] == ["pulumi up -s site-a", "oc --context b get --raw /readyz"]
    assert not status.ok


def test_what_the_login_may_not_list_is_a_row_with_the_right_that_it_lacks() -> None:
    recorded = RecordedCluster(("links", "pods"), sites=[ready("rhsi-standby")])
    rows = look((B, recorded)).rows
    assert [(row.kind, row.name, row.status) for row in rows[1:3]] == [
        ("Link", "*", "Unknown"),
        ("Pod", "*", "Unknown"),
    ]
    assert rows[1].detail == "this login may not see them: it needs list on links.skupper.io in namespace rhsi"


@pytest.mark.parametrize(
    ("parts", "kinds"), [((), []), ((POSTGRES,), ["StatefulSet"]), ((EDB,), ["Cluster", "Cluster"])]
)
def test_a_right_that_only_a_part_needs_is_missed_only_where_that_is_on(
    parts: tuple[str, ...], kinds: list[str]
) -> None:
    recorded = RecordedCluster(("statefulsets", "clusters", "networkobservers"), sites=[ready("rhsi-primary")])
    place = replace(A, parts=frozenset(parts))
    assert [row.kind for row in look((place, recorded)).rows if not row.ready] == kinds


def link(*rotations: str) -> list[Row]:
    names = [f"standby-from-vault-{one}" for one in rotations]
    return [Row("site-b", "Link", name, "Ready", "", "rhsi", MADE) for name in names]


def grant(*rotations: int, site: str = "site-b") -> list[Row]:
    return [Row("site-a", "AccessGrant", f"rhsi-{site}-grant-{one}", "Ready", "", "rhsi", MADE) for one in rotations]


@pytest.mark.parametrize(
    ("grants", "links", "status", "detail"),
    [
        (grant(2), link("2"), "Ready", "rotation 2, 3 days ago"),
        (grant(10), link("10-1", "10-2"), "Ready", "rotation 10, 3 days ago"),
        ([], link("2"), "Ready", "rotation 2, 3 days ago"),
        (grant(3), link("2"), "Pending", "rotation 3 is granted, and the link is of rotation 2, 3 days ago"),
        (grant(1), [], "Pending", "rotation 1 is granted, and there is no link yet"),
        (grant(2, 3), link("2"), "Pending", "rotation 3 is granted, and the link is of rotation 2, 3 days ago"),
        (grant(1), link("3"), "Pending", "rotation 1 is granted, and the link is of rotation 3, 3 days ago"),
        (grant(3), link("1", "3"), "Pending", "rotation 3, and links of 1 are still there, 3 days ago"),
        (grant(9, site="site-b-2"), link("2"), "Ready", "rotation 2, 3 days ago"),
    ],
)
def test_a_rotation_is_done_when_the_link_is_of_the_rotation_that_is_granted(
    grants: list[Row], links: list[Row], status: str, detail: str
) -> None:
    (row,) = rotation.rows([(A, grants), (B, links)], {"site-b": NOW})
    assert (row.stack, row.kind, row.name, row.status, row.detail) == ("site-b", "Rotation", "site-b", status, detail)


def test_nothing_is_said_of_a_rotation_without_link_and_grant_or_where_the_cluster_is_silent() -> None:
    assert rotation.rows([(A, []), (B, [])], {"site-b": NOW}) == []
    silent = [Row("site-b", "cluster", "b", "Error", "")]
    assert rotation.rows([(A, grant(2)), (B, silent)], {"site-b": NOW}) == []
    unseen = [Row("site-b", "Link", "*", "Unknown", "")]
    assert rotation.rows([(A, grant(2)), (B, unseen)], {"site-b": NOW}) == []


def test_a_standby_without_any_link_says_so_and_one_with_a_link_made_by_hand_does_not() -> None:
    site = Row("site-b", "Site", "rhsi-standby", "Ready", "")
    (row,) = rotation.rows([(A, []), (B, [site])], {"site-b": NOW})
    assert (row.status, row.detail) == ("Pending", "there is no link yet")
    by_hand = Row("site-b", "Link", "standby-from-vault", "Ready", "")
    assert rotation.rows([(A, []), (B, [site, by_hand])], {"site-b": NOW}) == []


@pytest.mark.parametrize("grants", [grant(2), []])
def test_a_link_that_somebody_deleted_needs_the_next_rotation(grants: list[Row]) -> None:
    token = Row("site-b", "AccessToken", "standby-from-vault-2", "Ready", "redeemed", "rhsi")
    primary = replace(A, rotations={"site-b": 2})
    (row,) = rotation.rows([(primary, grants), (B, [token])], {"site-b": NOW})
    assert (row.status, row.detail) == (
        "Error",
        "the link is gone, and its token was redeemed: the next rotation makes one",
    )
    (step,) = steps([row], [B, primary], Advice())
    assert step.command == (
        "pulumi config set --path 'rhsi:standbys.site-b.rotation' 3 -s site-a && pulumi up -s site-a && "
        "pulumi up -s site-b"
    )
    assert steps([row], [B], Advice()) == [], "the number is the primary's to know"
    waiting = replace(token, name="standby-from-vault-1")
    (row,) = rotation.rows([(primary, grant(2)), (B, [waiting])], {"site-b": NOW})
    assert (row.status, row.detail) == ("Pending", "rotation 2 is granted, and there is no link yet")


@pytest.mark.parametrize(
    ("row", "command"),
    [
        (Row("site-b", "Job", "create-access-token-from-vault", "Error", "", "rhsi"), "pulumi up -s site-b"),
        (
            Row("site-b", "Job", "create-access-token-from-vault", "Pending", "", "rhsi", resource="jobs.batch"),
            "oc --context b -n rhsi describe jobs.batch create-access-token-from-vault",
        ),
        (
            Row("site-b", "Job", "postgres-backup-29406120", "Error", "", "rhsi", resource="jobs.batch"),
            "oc --context b -n rhsi describe jobs.batch postgres-backup-29406120",
        ),
        (
            Row("site-b", "Subscription", "it", "Error", "", "db", resource="subscriptions.postgresql.cnpg.io"),
            "oc --context b -n db describe subscriptions.postgresql.cnpg.io it",
        ),
        (
            Row("site-b", "StatefulSet", "postgres-standby", "Pending", UNSCALED, "rhsi", resource="statefulsets.apps"),
            "oc --context b -n rhsi scale statefulsets.apps postgres-standby --replicas=1",
        ),
        (
            Row("site-b", "StatefulSet", "postgres-primary", "Pending", UNSCALED, "rhsi", resource="statefulsets.apps"),
            "oc --context b -n rhsi describe statefulsets.apps postgres-primary",
        ),
        (Row("site-b", "Site", "*", "Missing", "there is none"), "pulumi up --refresh -s site-b"),
        (Row("site-b", "Site", "*", "Missing", NOT_SERVED), "python -m ops doctor -s site-b"),
        (Row("site-b", "Rotation", "site-b", "Pending", "", "rhsi"), "pulumi up -s site-b"),
        (
            Row("site-b", "Link", "it", "Pending", "", "rhsi", resource="links.skupper.io"),
            "oc --context b -n rhsi describe links.skupper.io it",
        ),
        (
            Row("site-b", "Pod", "it-0", "Error", "", "rhsi"),
            "oc --context b -n rhsi logs it-0 --all-containers --tail=20",
        ),
        (Row("site-b", "Link", "*", "Unknown", "", "rhsi"), "oc --context b -n rhsi auth can-i --list"),
        (Row("site-b", "Operator", "*", "Unknown", ""), "oc --context b -n rhsi auth can-i --list"),
        (
            Row("site-b", "Operator", "skupper-operator", "Pending", "", "operators"),
            "oc --context b -n operators get subscriptions.operators.coreos.com,installplans,csv",
        ),
    ],
)
def test_what_is_not_ready_names_the_command_that_comes_next(row: Row, command: str) -> None:
    assert steps([row], [A, B], Advice()) == [Next(command, f"{row.kind} {row.name}")]
    assert steps([replace(row, status="Ready")], [A, B], Advice()) == []


def test_an_expired_grant_names_the_next_rotation_of_the_settings_whatever_the_grants_number() -> None:
    primary = replace(A, rotations={"site-b": 4})
    detail = "expired 2 h ago, redeemed 0 of 1: ..."
    (step,) = steps([Row("site-a", "AccessGrant", "rhsi-site-b-grant-6", "Error", detail, "rhsi")], [primary], Advice())
    key = "rhsi:standbys.site-b.rotation"
    assert step.command == f"pulumi config set --path '{key}' 5 -s site-a && pulumi up -s site-a"
    refused = Row("site-a", "AccessGrant", "rhsi-site-b-grant-6", "Error", "AccessGrants are not enabled", "rhsi")
    (step,) = steps([replace(refused, resource="accessgrants.skupper.io")], [primary], Advice())
    assert step.command == "oc --context a -n rhsi describe accessgrants.skupper.io rhsi-site-b-grant-6"


def test_commands_are_for_the_clusters_program_the_projects_folder_and_a_stack_that_pulumi_lacks() -> None:
    new = replace(B, exists=False, cli="kubectl", context="b/c d")
    rows = [
        Row("site-b", "stack", "site-b", "Pending", ""),
        Row("site-b", "cluster", "b/c d", "Error", ""),
    ]
    assert [one.command for one in steps(rows, [new], Advice("../rh si"))] == [
        "pulumi stack init site-b -C '../rh si' && pulumi up -s site-b -C '../rh si'",
        "kubectl --context 'b/c d' get --raw /readyz",
    ]
    first = [Row(stack, "stack", stack, "Pending", "") for stack in ("site-b", "site-a")]
    assert [one.command for one in steps(first, [B, A], Advice())] == ["pulumi up -s site-a"], "its primary is first"


def test_the_jobs_that_up_repeats_are_the_programs_own() -> None:
    own = {claim, revocation, smoke_test, upkeep, owners, replication_test, published_tables}
    assert {module.JOB_NAME for module in own} | set(waiting.JOB_NAMES.values()) == REPEATED


def test_what_the_settings_want_and_nobody_has_made_is_missing() -> None:
    place = replace(B, parts=frozenset({POSTGRES, EDB}))
    own = made("app", spec={"replicas": 1}, status={"readyReplicas": 1})
    status = look((place, RecordedCluster(links=[ready("standby-from-vault-2")], statefulsets=[own])))
    missing = [(row.kind, row.name) for row in status.rows if row.status == "Missing"]
    assert missing == [("Site", "*"), ("StatefulSet", "postgres-standby"), ("Cluster", cluster_name("site-b"))]
    assert status.next[0].command == "pulumi up --refresh -s site-b"
    assert not status.ok
    (row,) = look((A, RecordedCluster(serves=False, jobs=[made("renew-site-ca")]))).rows[:-1]
    assert row.kind == "Job"
    assert look((A, RecordedCluster(serves=False, jobs=[made("renew-site-ca")]))).rows[-1].detail == NOT_SERVED


def test_a_right_is_missed_only_by_the_role_that_needs_it() -> None:
    standby, primary = ("secretstores", "externalsecrets", "links"), ("accessgrants",)
    for place, denied in ((A, standby), (B, primary)):
        recorded = RecordedCluster((*denied, "accesstokens"), sites=[ready("s")], links=[ready("standby-from-vault-2")])
        assert [row.status for row in look((place, recorded)).rows if row.status == "Unknown"] == []
    blind = RecordedCluster((*standby, *primary), sites=[ready("s")])
    assert [row.kind for row in look((A, blind)).rows if not row.ready] == ["AccessGrant"]


def test_a_right_that_only_a_detail_needs_hides_nothing() -> None:
    off = made("postgres-primary", spec={"replicas": 0}, status={"replicas": 0})
    deployed = {"conditions": [{"type": "Deployed", "status": "True"}]}
    observer = made("network-observer", spec={"route": {"enabled": True}}, status=deployed)
    recorded = RecordedCluster(
        ("services", "routes"), sites=[ready("s")], statefulsets=[off], networkobservers=[observer]
    )
    assert [(row.kind, row.status) for row in look((A, recorded)).rows] == [
        ("Site", "Ready"),
        ("StatefulSet", "Pending"),
        ("NetworkObserver", "Ready"),
    ]


def test_ages_are_by_the_clock_of_the_cluster_that_wrote_the_time() -> None:
    recorded = RecordedCluster(sites=[ready("s")], links=[ready("standby-from-vault-2", remoteSiteName="p")])
    recorded.clock = ClockReading(datetime(2026, 11, 25, 16, tzinfo=UTC).timestamp(), datetime.now(UTC).timestamp())
    link = next(row for row in look((B, recorded)).rows if row.kind == "Link")
    assert link.detail == "to p, certificate 24 h old"


def test_what_follows_from_something_else_has_no_command_of_its_own() -> None:
    listener = Row("site-b", "Listener", "postgres-primary", "Pending", "No matching connectors", "rhsi")
    down = Row("site-b", "Link", "standby-from-vault-1", "Pending", "Not operational", "rhsi")
    servers = Row("site-b", "StatefulSet", "postgres-standby", "Pending", "0 of 1 ready", "rhsi")
    pod = Row("site-b", "Pod", "postgres-standby-0", "Pending", "", "rhsi")

    def about(*rows: Row) -> list[str]:
        return [one.about for one in steps(rows, [A, B], Advice())]

    assert about(listener, down, servers, pod) == ["Link standby-from-vault-1", "Pod postgres-standby-0"]
    assert about(listener, servers) == ["Listener postgres-primary", "StatefulSet postgres-standby"]
    other = replace(A, stack="test-a")
    elsewhere = replace(listener, stack="test-a")
    assert [one.about for one in steps([down, elsewhere], [A, B, other], Advice())] == [
        "Link standby-from-vault-1",
        "Listener postgres-primary",
    ], "the link of another environment explains nothing"


def test_each_command_comes_once_and_is_never_cut() -> None:
    token = "accesstokens.skupper.io"
    rows = [
        Row("site-b", "AccessToken", "standby-from-vault-1", "Error", "", "rhsi", resource=token),
        Row("site-b", "Job", "create-access-token-from-vault", "Error", "", "rhsi"),
        Row("site-b", "Rotation", "site-b", "Pending", "", "rhsi"),
    ]
    status = Status(rows, next=steps(rows, [B], Advice()))
    file = io.StringIO()
    screen.show(Console(file=file, width=80), screen.commands(status, 80))
    assert file.getvalue() == (
        "Next:\n"
        "  oc --context b -n rhsi describe accesstokens.skupper.io standby-from-vault-1\n"
        "  pulumi up -s site-b  # Job create-access-token-from-vault\n"
    )
