"""Replication of CloudNativePG that cannot begin yet: the password is wrong, the publisher or the publication late."""

from collections.abc import Callable

import pytest

from tests.lab.cnpg.clusters import Pair
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_a_wrong_replication_password_gives_the_operators_message_and_recovers_after_the_fix(
    make: Callable[[], Pair],
) -> None:
    a, b = make()
    a.create(b)
    b.create(a, peer_password="wrong")
    for site in (a, b):
        site.wait_until_ready()
    b.meet(a)
    a.publish()
    b.subscribe(a)

    def refused() -> None:
        message = b.message(b.group.subscription, "sub")
        assert message.startswith("while creating subscription: ERROR: could not connect to the publisher: ")
        assert 'FATAL:  password authentication failed for user "site_repl"' in message
        assert message.endswith("(SQLSTATE 08006)")
        assert b.get(b.group.subscription, "sub")["status"]["applied"] is False

    eventually(refused)
    b.secret("edb-site-a-replicator", "site_repl", "replication-of-site_a")
    b.wait_until_applied(b.group.subscription, "sub")
    assert b.message(b.group.subscription, "sub") == ""


def test_a_subscription_that_comes_before_its_publisher_is_retried_until_it_replicates(
    make: Callable[[], Pair],
) -> None:
    a, b = make()
    b.create(a)
    b.wait_until_ready()
    b.subscribe(a)

    def refused() -> None:
        message = b.message(b.group.subscription, "sub")
        assert message.startswith("while creating subscription: ERROR: could not connect to the publisher: ")

    eventually(refused)
    # The publication is there as soon as the publisher is, made by its bootstrap, and adopted afterwards.
    initdb = {
        "postInitApplicationSQL": ["CREATE TABLE early (id int)", "CREATE PUBLICATION site_a_pub FOR TABLE early"]
    }
    a.spec["bootstrap"] = {"initdb": initdb}
    a.create(b)
    a.wait_until_ready()
    a.sql("CREATE TABLE site_a_data (id int PRIMARY KEY, payload text); GRANT SELECT ON site_a_data TO site_repl")
    a.sql("INSERT INTO site_a_data VALUES (1, 'seed')")
    a.publish()
    a.wait_until_applied(a.group.publication, "pub")
    assert a.sql("SELECT tablename FROM pg_publication_tables") == [("site_a_data",)]
    b.meet(a)
    b.wait_until_applied(b.group.subscription, "sub")

    def arrived() -> None:
        assert b.sql("SELECT id, payload FROM site_a_data") == [(1, "seed")]

    eventually(arrived)


def test_a_publication_that_comes_late_leaves_an_applied_subscription_empty_until_its_spec_changes(
    make: Callable[[], Pair],
) -> None:
    """PostgreSQL only warns of a missing publication, and the operator never looks again."""
    a, b = make()
    a.create(b)
    b.create(a)
    for site in (a, b):
        site.wait_until_ready()
    b.meet(a)
    b.subscribe(a)
    b.wait_until_applied(b.group.subscription, "sub")
    assert b.sql("SELECT count(*) FROM pg_subscription_rel") == [(0,)]
    a.publish()
    a.wait_until_applied(a.group.publication, "pub")
    a.sql("INSERT INTO site_a_data VALUES (1, 'unseen')")
    assert b.sql("SELECT count(*) FROM pg_subscription_rel") == [(0,)], "nothing has told the subscriber"
    b.subscribe(a, parameters={"origin": "none", "streaming": "on"})
    b.wait_until_applied(b.group.subscription, "sub")

    def arrived() -> None:
        assert b.sql("SELECT payload FROM site_a_data") == [("unseen",)]

    eventually(arrived)
