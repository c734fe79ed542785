"""Replication both ways between two Clusters of CloudNativePG, from its first rows to the end of all its objects.

The tests share one replication and follow one another: the later ones delete what the earlier ones have used.
"""

import re

import psycopg
import pytest
from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.controller import kinds
from lab.stand_ins.controller.api import error_text
from tests.lab.cnpg.clusters import Pair, log_of
from tests.lab.databases import ClusterSite, caught_up
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_rows_updates_and_deletes_arrive_on_the_other_side_once_and_come_not_back(replicating: Pair) -> None:
    for site, peer in (replicating, replicating[::-1]):
        table = site.tables[0]
        site.sql(f"INSERT INTO {table} SELECT i, 'new' FROM generate_series(1, 100) i")
        site.sql(f"UPDATE {table} SET payload = 'changed' WHERE id <= 50")
        site.sql(f"DELETE FROM {table} WHERE id = 100")
        wanted = [("changed", 50), ("new", 49)]

        def arrived(peer: ClusterSite = peer, table: str = table, wanted: list[tuple[str, int]] = wanted) -> None:
            assert peer.sql(f"SELECT payload, count(*) FROM {table} GROUP BY payload ORDER BY payload") == wanted

        eventually(arrived)
    for site, peer in (replicating, replicating[::-1]):
        caught_up(site.sql)
        # A row that came back would be inserted once more, or stop a worker by a duplicate key.
        inserted = f"SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = '{site.tables[0]}'"
        assert [site.sql(inserted), peer.sql(inserted)] == [[(100,)], [(100,)]]
        assert site.sql("SELECT apply_error_count, sync_error_count FROM pg_stat_subscription_stats") == [(0, 0)]
        assert site.sql("SELECT suborigin, subenabled FROM pg_subscription") == [("none", True)]
        assert site.sql("SELECT r.usename, s.ssl FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid)") == [
            ("site_repl", True)
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dbname": "other"}, "dbname is immutable"),
        ({"cluster": {"name": "other"}}, "cluster reference is immutable after creation"),
        ({"target": {"allTables": True, "objects": []}}, "allTables and objects are mutually exclusive"),
        ({"colour": "blue"}, "unknown field"),
    ],
)
def test_the_api_server_refuses_what_upstreams_schema_refuses(replicating: Pair, change: Manifest, words: str) -> None:
    a, _ = replicating
    body = a.get(a.group.publication, "pub")
    with pytest.raises(ApiException) as refused:
        a.api.client.request(
            "put",
            a.group.publication.path(a.namespace, "pub"),
            body=body | {"spec": body["spec"] | change},
            query_params=[("fieldValidation", "Strict")],
        )
    assert words in error_text(refused.value)


def test_a_new_replication_password_reaches_publisher_and_subscriber(replicating: Pair) -> None:
    a, b = replicating
    ((before,),) = a.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'site_repl'")
    a.secret("edb-site-a-replicator", "site_repl", "rotated")

    def rotated() -> None:
        assert a.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'site_repl'") != [(before,)]

    eventually(rotated)
    with a.session("site_repl", "rotated"):
        pass
    b.secret("edb-site-a-replicator", "site_repl", "rotated")
    a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    a.sql("INSERT INTO site_a_data VALUES (1001, 'after the rotation')")

    def arrived() -> None:
        assert b.sql("SELECT payload FROM site_a_data WHERE id = 1001") == [("after the rotation",)]

    eventually(arrived)


def test_a_deleted_pod_is_made_again_on_the_same_data(replicating: Pair) -> None:
    a, _ = replicating
    before = a.get(kinds.POD, "edb-site-a-1")["metadata"]["uid"]
    rows = a.sql("SELECT count(*) FROM site_a_data")
    a.api.delete(kinds.POD, a.namespace, "edb-site-a-1")

    def another() -> None:
        assert a.get(kinds.POD, "edb-site-a-1")["metadata"]["uid"] != before
        assert a.sql("SELECT count(*) FROM site_a_data") == rows

    eventually(another)


def test_a_subscription_follows_to_a_new_address_only_as_long_as_the_old_one_answers(replicating: Pair) -> None:
    """The new pod has a new address. The operator's first statement connects to the old one, its second changes it."""
    a, b = replicating
    ((old,),) = b.sql("SELECT subconninfo FROM pg_subscription")
    b.meet(a)
    b.subscribe(a, parameters={"origin": "none", "disable_on_error": "false"})

    def stuck() -> None:
        message = b.message(b.group.subscription, "sub")
        assert message.startswith("while patching subscription: ERROR: could not connect to the publisher: ")

    eventually(stuck)
    new = re.sub(r"hostaddr='[0-9.]+'", f"hostaddr='{a.address()}'", old)
    assert new != old
    quoted = new.replace("'", "''")
    b.sql(f"ALTER SUBSCRIPTION site_b_from_site_a CONNECTION '{quoted}'")
    b.wait_until_applied(b.group.subscription, "sub")
    a.sql("INSERT INTO site_a_data VALUES (1003, 'at the new address')")

    def arrived() -> None:
        assert b.sql("SELECT payload FROM site_a_data WHERE id = 1003") == [("at the new address",)]

    eventually(arrived)


def test_a_second_object_for_the_same_subscription_is_refused(replicating: Pair) -> None:
    a, _ = replicating
    spec = a.get(a.group.subscription, "sub")["spec"]
    a.api.apply(a.group.subscription, a.namespace, {"metadata": {"name": "twin"}, "spec": spec})

    def refused() -> None:
        wanted = '"site_a_from_site_b" is already managed by object "sub"'
        assert a.message(a.group.subscription, "twin") == wanted

    eventually(refused)
    a.delete(a.group.subscription, "twin")
    assert a.sql("SELECT subname FROM pg_subscription") == [("site_a_from_site_b",)], "the twin never owned it"


def test_a_deletion_without_the_publisher_waits_for_it_and_then_leaves_no_slot(lab: Lab, replicating: Pair) -> None:
    a, b = replicating
    slots = "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical'"
    assert a.sql(slots) == [("site_b_from_site_a",)]
    reject = {"postgresql": {"pg_hba": ["host all site_repl all reject"]}}
    a.api.patch(a.group.cluster, a.namespace, {"metadata": {"name": a.cluster}, "spec": reject})

    def rejected() -> None:
        assert "pg_hba.conf rejects" in a.refusal("site_repl", "rotated")

    eventually(rejected)
    a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    b.api.delete(b.group.subscription, b.namespace, "sub")
    words = (
        "while reconciling the finalizer: while dropping subscription: ERROR: could not connect to publisher when "
        'attempting to drop replication slot "site_b_from_site_a"'
    )

    def said() -> None:
        assert words in log_of(lab, b).replace('\\"', '"')

    eventually(said)
    hanging = b.get(b.group.subscription, "sub")
    assert hanging["metadata"]["deletionTimestamp"]
    assert hanging["metadata"]["finalizers"] == ["cnpg.io/deleteSubscription"]
    assert hanging["status"]["applied"] is True, "upstream says it in the log alone"
    admit = {"postgresql": {"pg_hba": ["hostssl app site_repl all scram-sha-256"]}}
    a.api.patch(a.group.cluster, a.namespace, {"metadata": {"name": a.cluster}, "spec": admit})
    b.delete(b.group.subscription, "sub")
    assert a.sql(slots) == []
    assert b.sql("SELECT count(*) FROM pg_subscription") == [(0,)]


def test_a_deleted_publication_is_dropped(replicating: Pair) -> None:
    a, _ = replicating
    a.delete(a.group.publication, "pub")
    assert a.sql("SELECT count(*) FROM pg_publication") == [(0,)]


def test_a_deleted_cluster_lets_its_objects_go_and_takes_its_data_along(lab: Lab, replicating: Pair) -> None:
    a, b = replicating
    b.publish()
    volume = b.get(kinds.VOLUME_CLAIM, "edb-site-b-1")["spec"]["volumeName"]
    assert (lab.home.root / "volumes" / lab.contexts[1] / volume / "pgdata").is_dir()
    address = b.address()
    b.delete(b.group.cluster, b.cluster)

    def gone() -> None:
        published = b.get(b.group.publication, "pub")
        assert published["status"]["message"] == "cluster resource has been deleted, skipping reconciliation"
        assert "finalizers" not in published["metadata"]
        for kind, name in ((kinds.POD, "edb-site-b-1"), (kinds.VOLUME_CLAIM, "edb-site-b-1")):
            assert b.api.get(kind, b.namespace, name) is None
        assert not (lab.home.root / "volumes" / lab.contexts[1] / volume).exists()

    eventually(gone)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(host=address, user="postgres", connect_timeout=5)
    del a
