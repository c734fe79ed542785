"""One primary with two standbys: users, databases and rules of its own, and the day on which a standby takes over.

Runs with the operator's rights. The tests are one story: each begins where the one before it ended.
"""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import yaml

from components.postgres.accounts import APPLICATION_SECRET, user_secret
from components.postgres.replication import PRIMARY, STANDBY
from lab.kube import Manifest
from lab.stand_ins.controller import kinds
from lab.stand_ins.controller.api import Api
from tests.lab import oc
from tests.lab.checkout import Checkout
from tests.lab.database_sites import Database
from tests.lab.lab import Lab
from tests.lab.operator_rights import operator
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

NAMESPACE, OTHERS = "rhsi", "rhsi-c"
RULE = "host orders orders_app all scram-sha-256"
POSTGRES: dict[str, Any] = {
    "enabled": True,
    "users": {"orders_app": {}},
    "databases": {"orders": {"owner": "orders_app"}},
    "pgHba": [RULE],
    "manageSlots": True,
    "podDisruptionBudget": True,
}
SLOTS = "SELECT slot_name::text, active FROM pg_replication_slots ORDER BY 1"


class Story:
    """Three sites: the primary, a standby on the other cluster, and one in another namespace of that."""

    def __init__(self, lab: Lab, checkout: Checkout) -> None:
        self.lab = lab
        self.checkout = checkout
        self.apis = {context: Api(lab.connect(context), "kubectl-edit") for context in lab.contexts}

    def at(self, context: str, service: str, namespace: str = NAMESPACE, secret: str = APPLICATION_SECRET) -> Database:
        """A server by a name that its site's applications have for it."""
        return Database(self.apis[context], namespace, service, secret)

    def pod(self, context: str, server: str) -> Manifest:
        """The server's pod."""
        return self.at(context, server).find(kinds.POD, f"{server}-0")

    def superuser(self, context: str, server: str, statement: str) -> str:
        """What psql answers in the server's pod."""
        line = f'oc exec {server}-0 -n {NAMESPACE} -c postgres -- psql -XAtqc "{statement}"'
        return oc.run(self.lab, context, line).strip()

    def refused(self, stack: str, *arguments: str) -> str:
        """What an `up` says that must fail."""
        result = self.checkout.run("up", stack, *arguments)
        assert result.code != 0, result.text
        return result.text

    def settled(self, *stacks: str) -> None:
        """Another `up` changes nothing."""
        for stack in stacks:
            result = self.checkout.run("up", stack, "--expect-no-changes")
            assert result.code == 0, result.text


@pytest.fixture(scope="module")
def story(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Story:
    namespaces = {"site-a": [NAMESPACE], "site-b": [NAMESPACE, OTHERS]}
    standbys = ("site-b", "site-c")
    checkout = copy_checkout(operator(lab.environment, tmp_path_factory.mktemp("operator"), namespaces, standbys))
    checkout.change("site-a", "standbys", {site: {"rotation": 1} for site in standbys})
    checkout.change("site-a", "postgres", POSTGRES)
    checkout.change("site-b", "postgres", {"enabled": True, "users": {"orders_app": {}}})
    content = yaml.safe_load((checkout.root / "Pulumi.site-b.yaml").read_text())
    (checkout.root / "Pulumi.site-c.yaml").write_text(yaml.safe_dump(content))
    checkout.change("site-c", "cluster.namespace", OTHERS)
    checkout.change("site-c", "postgres", {"enabled": True})
    checkout.up("site-a", "site-b", "site-c")
    return Story(lab, checkout)


def test_both_standbys_stream_at_the_same_time_each_by_its_slot(story: Story) -> None:
    primary = story.at("site-a", PRIMARY)
    primary.shows(SLOTS, [("site_b", True), ("site_c", True)])
    primary.sql("CREATE TABLE story AS SELECT 'one' AS line")
    for namespace in (NAMESPACE, OTHERS):
        story.at("site-b", STANDBY, namespace).shows("SELECT line FROM story", [("one",)])
    story.settled("site-a")


def test_a_user_and_a_rule_come_to_the_running_server_without_losing_a_session(story: Story) -> None:
    pod = story.pod("site-a", PRIMARY)["metadata"]["uid"]
    secret = user_secret("orders_app")
    user, password = story.at("site-a", PRIMARY, secret=secret).login()
    assert story.at("site-b", STANDBY, secret=secret).login() == (user, password)
    assert story.apis["site-b"].get(kinds.SECRET, OTHERS, secret) is None
    with story.at("site-a", PRIMARY).session() as session:
        story.checkout.change("site-a", "postgres.users.reports", {})
        story.checkout.change("site-a", "postgres.databases.reports", {"owner": "reports"})
        story.checkout.change("site-a", "postgres.pgHba", [RULE, "host app reports all reject"])
        story.checkout.up("site-a")
        assert session.execute("SELECT 1").fetchall() == [(1,)]
    assert story.pod("site-a", PRIMARY)["metadata"]["uid"] == pod
    refusal = story.at("site-a", PRIMARY, secret=user_secret("reports"))
    assert "pg_hba.conf rejects connection" in refusal.refusal(refusal.login())
    owners = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname ~ '^(or|re)' ORDER BY 1"
    assert story.superuser("site-a", PRIMARY, owners).splitlines() == ["orders|orders_app", "reports|reports"]


def test_a_role_that_somebody_else_has_made_is_left_alone(story: Story) -> None:
    story.superuser("site-a", PRIMARY, "CREATE ROLE theirs LOGIN")
    story.checkout.change("site-a", "postgres.users.theirs", {})
    told = story.refused("site-a")
    assert "postgres-primary has a role 'theirs' that this program did not make, and leaves it alone." in told
    assert (
        story.superuser("site-a", PRIMARY, "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'theirs'") == "t"
    )
    users = story.checkout.value("site-a", "postgres.users")
    story.checkout.change("site-a", "postgres.users", {name: {} for name in users if name != "theirs"})


def test_a_standby_is_not_promoted_beside_a_primary_that_sends_it_wal(story: Story) -> None:
    story.checkout.change("site-b", "timeouts.claim", "10s")
    story.checkout.change("site-b", "postgres.promoted", True)
    told = story.refused("site-b")
    assert "postgres-standby is not promoted: its primary still runs and sends it WAL" in told
    assert story.at("site-b", STANDBY).sql("SELECT pg_is_in_recovery()") == [(True,)]
    story.checkout.change("site-b", "timeouts.claim", "5m")


def test_the_promoted_server_is_where_both_sites_write(story: Story) -> None:
    before = story.pod("site-b", STANDBY)["metadata"]["uid"]
    story.checkout.change("site-a", "postgres.promotedStandby", "site-b")
    story.checkout.up("site-a")
    assert not story.apis["site-a"].list(kinds.POD, NAMESPACE, f"app.kubernetes.io/name={PRIMARY}"), "`up` waits for it"
    story.checkout.up("site-b", "site-c")
    assert story.pod("site-b", STANDBY)["metadata"]["uid"] == before, "nobody lost a session to read"
    assert story.checkout.outputs("site-b")["postgres"]["promoted"] is True
    assert story.checkout.outputs("site-a")["postgres"]["promoted_standby"] == "site-b"

    def written() -> None:
        for context in ("site-a", "site-b"):
            story.at(context, PRIMARY).sql(f"INSERT INTO story VALUES ('{context}')")

    eventually(written)
    story.settled("site-a", "site-b", "site-c")


def test_the_other_standby_follows_the_promoted_one(story: Story) -> None:
    rows = story.at("site-b", STANDBY).sql("SELECT line FROM story ORDER BY 1")
    story.at("site-b", STANDBY, OTHERS).shows("SELECT line FROM story ORDER BY 1", rows)
    story.at("site-b", STANDBY).shows(SLOTS, [("site_c", True)])


def test_new_passwords_still_come_from_the_former_primarys_stack(story: Story) -> None:
    promoted = story.at("site-b", STANDBY)
    before = promoted.login()
    story.checkout.change("site-a", "postgres.passwordRotation", 2)
    story.checkout.up("site-a", "site-b", "site-c")
    assert promoted.login() != before
    assert promoted.refusal(promoted.login()) == ""
    assert "password authentication failed" in promoted.refusal(before)


def test_a_promoted_server_stays_one_and_its_stacks_do_not_go_back(story: Story) -> None:
    oc.run(story.lab, "site-b", f"oc delete pod {STANDBY}-0 -n {NAMESPACE}")

    def writes() -> None:
        with pytest.raises(psycopg.errors.DuplicateTable):
            story.at("site-b", STANDBY).sql("CREATE TABLE story ()")

    eventually(writes)
    for stack, key, value, said in (
        ("site-b", "promoted", False, "rhsi:postgres.promoted is false, it was true: a promoted server never follows"),
        ("site-a", "promotedStandby", "", "rhsi:postgres.promotedStandby is missing, and it was set: its server would"),
    ):
        was = story.checkout.value(stack, f"postgres.{key}")
        story.checkout.change(stack, f"postgres.{key}", value)
        assert said in story.refused(stack)
        story.checkout.change(stack, f"postgres.{key}", was)


def test_a_standby_takes_over_from_a_promoted_one(story: Story) -> None:
    rows = story.at("site-b", STANDBY).sql("SELECT line FROM story ORDER BY 1")
    story.checkout.change("site-b", "protect", True)
    story.checkout.up("site-b")
    story.checkout.change("site-a", "postgres.promotedStandby", "site-c")
    story.checkout.up("site-a")
    told = story.refused("site-b")
    assert "names site-c in rhsi:postgres.promotedStandby, and with rhsi:postgres.promoted here two servers" in told
    story.checkout.change("site-b", "postgres.enabled", False)
    story.checkout.up("site-b")
    oc.run(story.lab, "site-b", f"oc get pvc data-{STANDBY}-0 -n {NAMESPACE}")
    story.checkout.change("site-c", "postgres.promoted", True)
    story.checkout.up("site-c")

    def written() -> None:
        for context, namespace in (("site-a", NAMESPACE), ("site-b", OTHERS)):
            story.at(context, PRIMARY, namespace).sql(f"INSERT INTO story VALUES ('{namespace}, later')")

    eventually(written)
    now = story.at("site-b", STANDBY, OTHERS).sql("SELECT line FROM story ORDER BY 1")
    assert set(rows) < set(now)
    story.settled("site-a", "site-b", "site-c")


def test_a_site_that_was_overtaken_copies_its_successor_on_an_empty_volume(story: Story) -> None:
    oc.run(story.lab, "site-b", f"oc delete pvc data-{STANDBY}-0 -n {NAMESPACE}")
    story.checkout.change("site-b", "postgres", {"enabled": True, "users": {"orders_app": {}}})
    story.checkout.change("site-b", "protect", False)
    story.checkout.up("site-b")
    rows = story.at("site-b", STANDBY, OTHERS).sql("SELECT line FROM story ORDER BY 1")
    story.at("site-b", STANDBY).shows("SELECT line FROM story ORDER BY 1", rows)
    story.at("site-b", STANDBY, OTHERS).shows(SLOTS, [("site_b", True)])


def test_the_slot_of_a_standby_that_is_gone_goes_and_one_in_use_does_not(story: Story) -> None:
    story.checkout.change("site-a", "standbys", {"site-c": {"rotation": 1}})
    story.checkout.up("site-a")
    told = story.refused("site-c")
    assert (
        "Slot site_b on postgres-standby is still used by a standby that rhsi:standbys does not list any more" in told
    )
    story.checkout.destroy("site-b")
    (story.checkout.root / "Pulumi.site-b.yaml").unlink()
    story.checkout.up("site-c")
    assert story.at("site-b", STANDBY, OTHERS).sql(SLOTS) == []
