"""PostgreSQL over the link, by `pulumi` alone: provisioned, left alone, new passwords, a new link, failures, removed.

Runs with the operator's rights. The tests share two stacks; each begins with both up, with a primary and a standby.
"""

import base64
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from components.link.rotation import token_name
from lab.kube import Manifest, connect, find
from tests.lab import leaks, oc, runbook
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.operator_rights import operator
from tests.lab.outages import begun
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

NAMESPACE = "rhsi"
SITES = {"site-a": "postgres-primary", "site-b": "postgres-standby"}
PASSED = "SELECT count(*) FROM skupper_test"
DOES_NOT_FOLLOW = "warning: postgres-standby does not follow postgres-primary now."


@pytest.fixture(scope="module")
def checkout(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), {context: [NAMESPACE] for context in SITES})
    made = copy_checkout(rights)
    with_databases(made)
    for stack in SITES:
        result = made.run("up", stack)
        assert result.code == 0, result.text
        assert DOES_NOT_FOLLOW not in result.text, "the smoke test has just passed"
    return made


def with_databases(checkout: Checkout) -> None:
    checkout.change("site-a", "postgres", {"enabled": True, "passwordRotation": 1})
    checkout.change("site-b", "postgres", {"enabled": True, "smokeTest": True})


@pytest.fixture
def provisioned(checkout: Checkout) -> Checkout:
    """Both databases are there: a test may have turned them off."""
    if not checkout.value("site-a", "postgres.enabled"):
        with_databases(checkout)
        checkout.up()
    return checkout


def link(checkout: Checkout) -> str:
    """The name of the link in use."""
    return token_name(checkout.rotation())


def found(context: str, api_version: str, kind: str, name: str) -> Manifest:
    there = find(connect(context), api_version, kind, name, NAMESPACE)
    assert there, f"{kind} {name} is missing on {context}"
    return there


def pod(context: str) -> Manifest:
    return found(context, "v1", "Pod", f"{SITES[context]}-0")


def claims(context: str) -> list[str]:
    """The volume claims that are not going."""
    verbs = connect(context).resources.get(api_version="v1", kind="PersistentVolumeClaim")
    standing = [item["metadata"] for item in verbs.get(namespace=NAMESPACE).to_dict()["items"]]
    return [metadata["name"] for metadata in standing if not metadata.get("deletionTimestamp")]


def passwords(context: str) -> dict[str, str]:
    """The passwords in a site's Secrets, by user."""
    data = [found(context, "v1", "Secret", f"postgres-{name}")["data"] for name in ("application", "replication")]
    texts = [{key: base64.b64decode(value).decode() for key, value in one.items()} for one in data]
    return {one["username"]: one["password"] for one in texts}


def ask(context: str, statement: str) -> Any:
    """What the application is answered by a site's server."""
    address = pod(context)["status"].get("podIP")
    assert address, "the pod has started"
    user, password = "appuser", passwords(context)["appuser"]
    with psycopg.connect(host=address, user=user, password=password, dbname="app", connect_timeout=5) as connection:
        answer = connection.execute(statement.encode())
        return answer.fetchone()[0] if answer.description else None  # type: ignore[index] # each statement has a row


def becomes(context: str, statement: str, expected: object) -> None:
    """Ask until the answer is this one."""

    def answered() -> None:
        assert ask(context, statement) == expected

    eventually(answered)


def test_one_up_a_stack_gives_a_primary_and_a_standby_that_follows_it(provisioned: Checkout) -> None:
    assert provisioned.outputs("site-b")["postgres"] == {
        "service": "postgres-standby",
        "primary": "postgres-primary",
        "port": 5432,
        "database": "app",
        "user": "appuser",
        "secret": "postgres-application",
        "slot": "site_b",
        "smoke_test": f"passed through {link(provisioned)}",
    }
    assert not ask("site-a", "SELECT pg_is_in_recovery()")
    assert ask("site-b", "SELECT pg_is_in_recovery()")
    assert ask("site-a", PASSED) == ask("site-b", PASSED) >= 1
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask("site-b", "CREATE TABLE nothing ()")


def test_a_second_up_changes_nothing(provisioned: Checkout) -> None:
    for stack in SITES:
        for arguments in ([], ["--refresh"]):
            result = provisioned.run("up", stack, "--expect-no-changes", *arguments)
            assert result.code == 0, result.text


def test_new_passwords_leave_no_trace_and_the_standby_follows_without_a_restart(
    provisioned: Checkout, lab: Lab
) -> None:
    before, pods = passwords("site-a"), {context: pod(context)["metadata"]["uid"] for context in SITES}
    number = provisioned.value("site-a", "postgres.passwordRotation") + 1
    provisioned.change("site-a", "postgres.passwordRotation", number)
    with leaks.Watcher(lab.home) as watcher:
        printed = "".join(provisioned.run("up", stack).text for stack in SITES)
        becomes("site-a", "SELECT count(*) FROM pg_stat_replication", 1)
    after = passwords("site-a")
    assert set(after) == {"appuser", "replicator"}
    assert not set(after.values()) & set(before.values())
    assert passwords("site-b") == after
    assert pod("site-a")["metadata"]["uid"] != pods["site-a"]
    assert pod("site-b")["metadata"]["uid"] == pods["site-b"]
    ask("site-a", "CREATE TABLE after_the_rotation AS SELECT 1 AS one")
    becomes("site-b", "SELECT one FROM after_the_rotation", 1)
    secrets = [*before.values(), *after.values()]
    watcher.assert_saw_the_engine()
    assert any(seen.program == "postgres" for seen in watcher.seen), "the watcher saw the servers"
    assert not watcher.saw(secrets)
    assert not any(secret in printed for secret in secrets)
    assert leaks.files_with(lab.home, secrets) == []


def test_the_primarys_state_holds_the_passwords_encrypted_and_the_standbys_none(provisioned: Checkout) -> None:
    now = passwords("site-a")
    assert leaks.in_state(provisioned, "site-a", now) == set(now), "the search finds what is there"
    assert leaks.in_state(provisioned, "site-b", now) == set()


def standby_ready() -> None:
    conditions = {one["type"]: one["status"] for one in pod("site-b")["status"]["conditions"]}
    assert conditions["Ready"] == "True"


def standby_unready() -> None:
    conditions = {one["type"]: one["status"] for one in pod("site-b")["status"]["conditions"]}
    assert conditions["Ready"] == "False"


def test_a_standby_takes_over_what_its_primary_raised_and_until_then_every_run_tells(provisioned: Checkout) -> None:
    rows = ask("site-a", PASSED)
    provisioned.change("site-a", "postgres.parameters", {"max_connections": "300"})
    provisioned.up("site-a")
    assert ask("site-a", "SHOW max_connections") == "300"
    ask("site-a", "CREATE TABLE after_raising AS SELECT 1 AS one")
    eventually(standby_unready)
    told = provisioned.run("preview", "site-b").text
    assert DOES_NOT_FOLLOW in told
    assert runbook.leads_to(told, "`pulumi up -s site-b`")
    assert ask("site-b", "SELECT 1") == 1, "it goes on serving reads"
    provisioned.up("site-b")
    assert ask("site-b", "SHOW max_connections") == "300"
    becomes("site-b", "SELECT one FROM after_raising", 1)
    assert ask("site-b", PASSED) == rows + 1, "the smoke test ran again"
    eventually(standby_ready)
    for stack in SITES:
        result = provisioned.run("up", stack, "--expect-no-changes")
        assert result.code == 0, result.text
        assert "does not follow" not in result.text


def test_a_standby_that_wants_less_than_its_primary_is_refused(provisioned: Checkout) -> None:
    provisioned.change("site-b", "postgres.parameters", {"max_wal_senders": "5"})
    try:
        result = provisioned.run("up", "site-b")
        assert result.code != 0
        assert (
            "rhsi:postgres.parameters.max_wal_senders is 5, but 10 in the primary's stack site-a, and with less a "
            "standby stops replaying: remove it here, or write 10 or more." in result.text
        )
    finally:
        provisioned.change("site-b", "postgres.parameters", {})
    assert ask("site-b", "SELECT pg_is_in_recovery()"), "nothing was touched"


def test_a_run_that_changes_nothing_tells_that_the_standby_does_not_follow(provisioned: Checkout, lab: Lab) -> None:
    pause = "oc exec postgres-standby-0 -n rhsi -c postgres -- psql -XAtqc"
    oc.run(lab, "site-b", f"{pause} 'SELECT pg_wal_replay_pause()'")
    eventually(standby_unready)
    result = provisioned.run("up", "site-b", "--expect-no-changes")
    assert result.code == 0, result.text
    assert DOES_NOT_FOLLOW in result.text
    events = oc.run(lab, "site-b", "oc get events -n rhsi")
    assert "Readiness probe failed: It does not replay what it receives: replay is paused." in events
    (resume,) = [one for one in runbook.commands("The standby does not follow") if "resume" in one]
    oc.run(lab, "site-b", resume)
    eventually(standby_ready)


def test_a_server_that_somebody_deleted_is_noticed_and_comes_back_with_its_data(
    provisioned: Checkout, lab: Lab
) -> None:
    oc.run(lab, "site-b", "oc delete statefulset postgres-standby -n rhsi --cascade=orphan")
    result = provisioned.run("up", "site-b")
    assert result.code != 0
    assert "resource 'rhsi/postgres-standby' does not exist" in result.text
    assert runbook.leads_to(result.text, "`pulumi up -s site-b --refresh`")
    result = provisioned.run("up", "site-b", "--refresh")
    assert result.code == 0, result.text
    eventually(standby_ready)


def test_a_new_link_is_tested_anew_and_replication_goes_on(provisioned: Checkout) -> None:
    before = ask("site-a", PASSED)
    provisioned.next_rotation()
    provisioned.up("site-a", "site-b")
    assert provisioned.outputs("site-b")["postgres"]["smoke_test"] == f"passed through {link(provisioned)}"
    assert ask("site-b", PASSED) == before + 1


def test_a_failed_smoke_test_tells_why_and_the_next_up_tries_again(provisioned: Checkout) -> None:
    servers = connect("site-a").resources.get(api_version="apps/v1", kind="StatefulSet")

    def scale(replicas: int) -> None:
        servers.patch(
            name="postgres-primary",
            namespace=NAMESPACE,
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    before = ask("site-a", PASSED)
    scale(0)
    # Another limit is another test, which runs at once.
    provisioned.change("site-b", "timeouts", {"smokeTest": "3s"})
    result = provisioned.run("up", "site-b")
    assert result.code != 0
    assert (
        f"postgres-primary could not be written to through Link {link(provisioned)} in 3 s: psql: error: "
        in result.text
    )
    assert "then run `pulumi up` again." in result.text
    scale(1)
    becomes("site-a", "SELECT 1", 1)
    provisioned.change("site-b", "timeouts", {"smokeTest": "60s"})
    provisioned.up("site-b")
    assert ask("site-b", PASSED) == before + 1


def everything(context: str) -> set[tuple[str, str]]:
    """What of the stack's own kinds stands in its namespace, by kind and UID."""
    found = set()
    for api_version, kinds in {
        "v1": ["Secret", "Service", "PersistentVolumeClaim"],
        "apps/v1": ["StatefulSet"],
        "skupper.io/v2alpha1": ["Site", "AccessGrant", "Link", "Connector", "Listener"],
    }.items():
        for kind in kinds:
            verbs = connect(context).resources.get(api_version=api_version, kind=kind)
            items = verbs.get(namespace=NAMESPACE).to_dict()["items"]
            found |= {(kind, item["metadata"]["uid"]) for item in items}
    return found


def test_a_destroy_of_a_protected_stack_stops_in_its_preview_and_without_one_takes_what_the_runbook_lists(
    provisioned: Checkout,
) -> None:
    for stack in SITES:
        provisioned.change(stack, "protect", True)
    provisioned.up(*SITES)
    rows = ask("site-a", PASSED)
    before = everything("site-a")
    with begun(provisioned, "destroy", "site-a", previewed=True) as destruction:
        refused = destruction.end()
    assert refused.code != 0
    assert "because it is protected" in refused.text
    assert everything("site-a") == before, "nothing was deleted"

    result = provisioned.run("destroy", "site-a")
    assert result.code != 0
    assert "because it is protected" in result.text
    for api_version, kind, name in (
        ("skupper.io/v2alpha1", "AccessGrant", f"rhsi-site-b-grant-{provisioned.rotation()}"),
        ("apps/v1", "StatefulSet", "postgres-primary"),
        ("v1", "Secret", "postgres-application"),
    ):
        assert find(connect("site-a"), api_version, kind, name, NAMESPACE) is None, kind
    assert claims("site-a") == ["data-postgres-primary-0"], "what holds data stays"
    assert provisioned.outputs("site-a")["postgres"], "Pulumi keeps the outputs of what is gone"

    result = provisioned.run("destroy", "site-a", "--exclude-protected")
    assert result.code == 0, result.text
    assert provisioned.outputs("site-a")["standbys"]["site-b"]["secrets"], "and of everything that it promised"
    # A standby that begins to need that would wait for it in vain.
    provisioned.change("site-b", "postgres", {})
    provisioned.up("site-b")
    provisioned.change("site-b", "postgres", {"enabled": True, "smokeTest": True})
    result = provisioned.run("up", "site-b")
    assert result.code != 0
    assert "The outputs of the primary's stack site-a promise postgres-" in result.text
    assert "but Vault has none: run `pulumi up -s site-a` first." in result.text

    # What the runbook says to type then.
    assert runbook.leads_to(result.text, "`pulumi up -s site-a` and ROTATE")
    provisioned.next_rotation()
    provisioned.up("site-a", "site-b")
    for stack in SITES:
        provisioned.change(stack, "protect", False)
    provisioned.up(*SITES)
    assert ask("site-a", PASSED) == rows + 1, "with its data, and the row of the new link's test"
    becomes("site-b", PASSED, rows + 1)


def test_a_protected_volume_outlives_its_stack_and_serves_the_next_one(provisioned: Checkout) -> None:
    for stack in SITES:
        provisioned.change(stack, "protect", True)
    provisioned.up(*SITES)
    rows = ask("site-a", PASSED)
    for stack, server in reversed(SITES.items()):
        if stack == "site-a":
            # The mount; a standby in a namespace of somebody else's has nothing that would take its volume along.
            with begun(provisioned, "destroy", stack, previewed=True) as destruction:
                refused = destruction.end()
            assert refused.code != 0
            assert "because it is protected" in refused.text
        result = provisioned.run("destroy", stack, "--exclude-protected")
        assert result.code == 0, result.text
        assert find(connect(stack), "apps/v1", "StatefulSet", server, NAMESPACE) is None
        assert claims(stack) == [f"data-{server}-0"]
    for stack in SITES:
        provisioned.change(stack, "protect", False)
    provisioned.up(*SITES)
    # The smoke test of the new link adds one.
    assert ask("site-a", PASSED) == ask("site-b", PASSED) == rows + 1


def test_without_the_setting_nothing_of_the_database_stays(provisioned: Checkout) -> None:
    for stack in SITES:
        provisioned.change(stack, "postgres", {})
    provisioned.up("site-a", "site-b")
    for context, server in SITES.items():
        for api_version, kind, name in (
            ("apps/v1", "StatefulSet", server),
            ("v1", "Service", "postgres-primary"),
            ("v1", "Secret", "postgres-application"),
            ("v1", "Secret", "postgres-replication"),
        ):
            assert find(connect(context), api_version, kind, name, NAMESPACE) is None, f"{kind} {name} on {context}"
        assert not claims(context), "the volume goes with its server where nothing is protected"
    assert "postgres" not in provisioned.outputs("site-b")
