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
from tests.lab import leaks
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.operator_rights import operator
from tests.lab.outages import begun
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

NAMESPACE = "rhsi"
SITES = {"site-a": "postgres-primary", "site-b": "postgres-standby"}
PASSED = "SELECT count(*) FROM skupper_test"


@pytest.fixture(scope="module")
def checkout(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), {context: [NAMESPACE] for context in SITES})
    made = copy_checkout(rights)
    with_databases(made)
    made.up()
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


def test_a_protected_volume_outlives_its_stack_and_serves_the_next_one(provisioned: Checkout) -> None:
    for stack in SITES:
        provisioned.change(stack, "protect", True)
    provisioned.up(*SITES)
    rows = ask("site-a", PASSED)
    for stack, server in reversed(SITES.items()):
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
