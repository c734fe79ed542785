"""CloudNativePG on the lab: Clusters that are real PostgreSQL servers, and replication between them.

The two sides are of different API groups, EDB's and the community's, and reach one another directly, without a link.
"""

import base64
import re
import secrets
from collections.abc import Callable, Iterator

import psutil
import psycopg
import pytest
from kubernetes.client.exceptions import ApiException

from lab import environment
from lab.cnpg import kinds, pki
from lab.cnpg.kinds import COMMUNITY, EDB, MANAGER
from lab.controller.api import Api, Kind, error_text
from lab.kube import Manifest
from lab.pods import logs
from lab.servers import process
from tests.lab.conftest import Lab
from tests.lab.databases import IMAGE, Site, caught_up, eventually

pytestmark = pytest.mark.lab
NAMESPACE = Kind("v1", "Namespace", "namespaces")
Pair = tuple[Site, Site]


@pytest.fixture(scope="module")
def make(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Pair]]:
    """Makes two sites in namespaces of their own, not yet created; the namespaces go at the end."""
    apis = [Api(lab.connect(context), MANAGER) for context in lab.contexts]
    made: list[tuple[Api, str]] = []
    authority = pki.create_authority("shared", "test")

    def pair() -> Pair:
        name = f"db-{secrets.token_hex(4)}"
        for api in apis:
            api.apply(NAMESPACE, None, {"metadata": {"name": name}})
            made.append((api, name))
        folder = tmp_path_factory.mktemp("site")
        a = Site("site_a", EDB, apis[0], name, authority, folder, ("site_a_data", "site_b_data"))
        b = Site("site_b", COMMUNITY, apis[1], name, authority, folder, ("site_b_data", "site_a_data"))
        return a, b

    yield pair
    for api, name in made:
        api.delete(NAMESPACE, "", name)


@pytest.fixture(scope="module")
def running(make: Callable[[], Pair]) -> Pair:
    """Two healthy Clusters that know where the other is."""
    a, b = make()
    a.create(b)
    b.create(a)
    for site in (a, b):
        site.wait_until_ready()
    a.meet(b)
    b.meet(a)
    return a, b


@pytest.fixture(scope="module")
def replicating(running: Pair) -> Pair:
    """Two Clusters that replicate both ways."""
    for site in running:
        site.publish()
        site.wait_until_applied(site.group.publication, "pub")
    for site, peer in (running, running[::-1]):
        site.subscribe(peer)
        site.wait_until_applied(site.group.subscription, "sub")
        site.wait_until_copied()
    return running


def log_of(lab: Lab, site: Site) -> str:
    """What the site's instance has said."""
    context = lab.contexts[0] if site.name == "site_a" else lab.contexts[1]
    ((_, _, text),) = logs.read(lab.home, context, site.namespace, f"{site.cluster}-1")
    return text


def test_a_cluster_comes_with_the_objects_and_the_status_of_the_operators(running: Pair) -> None:
    a, _ = running
    status = a.status()
    assert status["phase"] == "Cluster in healthy state"
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "Ready": "True",
        "Initialized": "True",
        "ConsistentSystemID": "True",
        "ContinuousArchiving": "True",
    }
    assert (status["instances"], status["readyInstances"], status["currentPrimary"]) == (1, 1, "edb-site-a-1")
    assert status["managedRolesStatus"]["byStatus"]["reconciled"] == ["site_repl"]
    assert status["certificates"]["serverCASecret"] == "edb-ca"
    pod = a.get(kinds.POD, "edb-site-a-1")
    assert pod["status"]["phase"] == "Running"
    for suffix in ("rw", "r"):
        service = a.get(kinds.SERVICE, f"edb-site-a-{suffix}")
        assert service["spec"]["ports"][0]["port"] == 5432
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert a.get(kinds.SECRET, "edb-site-a-server")["type"] == "kubernetes.io/tls"
    assert a.get(kinds.SERVICE_ACCOUNT, "edb-site-a")


def test_the_live_spec_carries_the_operators_defaults(running: Pair) -> None:
    a, _ = running
    spec = a.get(a.group.cluster, a.cluster)["spec"]
    assert spec["postgresql"]["parameters"]["wal_level"] == "logical"
    assert spec["replicationSlots"]["highAvailability"]["slotPrefix"] == "_cnpg_"
    assert a.sql("SELECT current_setting('server_version_num')::int / 10000, current_setting('max_replication_slots')")[
        0
    ] == (16, "32")


def test_the_server_listens_on_the_pods_address_alone_and_speaks_tls_1_3_by_its_alternative_name(running: Pair) -> None:
    a, _ = running
    assert a.sql("SELECT version, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [("TLSv1.3", True)]
    assert a.sql("SHOW listen_addresses") == [(a.address(),)]
    with (
        pytest.raises(psycopg.OperationalError, match=r"certificate .* does not match host name"),
        a.session(host="pg"),
    ):
        pass


def test_the_server_itself_resolves_the_names_of_its_cluster_and_reaches_itself_through_its_service(
    running: Pair,
) -> None:
    a, _ = running
    address = a.get(kinds.SERVICE, "edb-site-a-rw")["spec"]["clusterIP"]
    name = f"edb-site-a-rw.{a.namespace}.svc.cluster.local"
    with a.session() as session:
        session.execute("CREATE TEMP TABLE answer (line text)")
        session.execute(f"COPY answer FROM PROGRAM 'getent hosts {name}'")
        assert [line.split()[0] for (line,) in session.execute("SELECT line FROM answer").fetchall()] == [address]

    def reached() -> None:
        with a.session(hostaddr=address, host=name) as session:
            assert session.execute("SELECT current_setting('cluster_name')").fetchall() == [("edb-site-a",)]

    eventually(reached)


def test_pg_hba_admits_the_replication_role_with_its_password_over_tls_only(running: Pair) -> None:
    a, _ = running
    password = "replication-of-site_a"
    with a.session("site_repl", password) as session:
        assert session.execute("SELECT current_user").fetchall() == [("site_repl",)]
    with (
        pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"),
        a.session("site_repl", password, sslmode="disable"),
    ):
        pass
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"), a.session("site_repl", "no"):
        pass


def test_rows_updates_and_deletes_arrive_on_the_other_side_once_and_come_not_back(replicating: Pair) -> None:
    for site, peer in (replicating, replicating[::-1]):
        table = site.tables[0]
        site.sql(f"INSERT INTO {table} SELECT i, 'new' FROM generate_series(1, 100) i")
        site.sql(f"UPDATE {table} SET payload = 'changed' WHERE id <= 50")
        site.sql(f"DELETE FROM {table} WHERE id = 100")
        wanted = [("changed", 50), ("new", 49)]

        def arrived(peer: Site = peer, table: str = table, wanted: list[tuple[str, int]] = wanted) -> None:
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


def test_a_secret_without_the_reload_label_is_not_noticed_until_something_else_happens(replicating: Pair) -> None:
    _, b = replicating
    b.secret("edb-site-b-app", "app", "second", reload=True)

    def logs_in(password: str) -> Callable[[], None]:
        def check() -> None:
            with b.session("app", password):
                pass

        return check

    eventually(logs_in("second"))
    labels = {b.group.label("reload"): None}
    b.api.patch(kinds.SECRET, b.namespace, {"metadata": {"name": "edb-site-b-app", "labels": labels}})
    b.secret("edb-site-b-app", "app", "third", reload=False)
    # Any change of the Cluster makes the operator look at everything.
    logs_in("second")()
    b.api.patch(b.group.cluster, b.namespace, {"metadata": {"name": b.cluster, "annotations": {"look": "again"}}})
    eventually(logs_in("third"))


def test_settings_are_reloaded_or_the_server_is_restarted_as_each_needs(replicating: Pair) -> None:
    a, _ = replicating

    def set_parameters(**parameters: str) -> None:
        body = {"metadata": {"name": a.cluster}, "spec": {"postgresql": {"parameters": parameters}}}
        a.api.patch(a.group.cluster, a.namespace, body)

    def shows(name: str, value: str) -> Callable[[], None]:
        def check() -> None:
            assert a.sql(f"SHOW {name}") == [(value,)]

        return check

    ((began,),) = a.sql("SELECT pg_postmaster_start_time()")
    set_parameters(work_mem="8MB")
    eventually(shows("work_mem", "8MB"))
    assert a.sql("SELECT pg_postmaster_start_time()") == [(began,)]
    set_parameters(max_connections="77")
    eventually(shows("max_connections", "77"))
    assert a.sql("SELECT pg_postmaster_start_time()") != [(began,)]
    a.wait_until_ready()


def test_a_server_that_is_killed_is_started_again_and_its_pod_tells_of_the_restart(replicating: Pair) -> None:
    a, _ = replicating
    address = (a.address(), 5432)
    (listener,) = {one.pid for one in psutil.net_connections("tcp4") if one.laddr == address and not one.raddr}
    psutil.Process(listener).kill()

    def back() -> None:
        (container,) = a.get(kinds.POD, "edb-site-a-1")["status"]["containerStatuses"]
        assert (container["restartCount"], container["ready"]) == (1, True)
        assert a.sql("SELECT 1") == [(1,)]

    eventually(back)


def test_a_stand_in_that_is_stopped_and_started_again_keeps_the_data(lab: Lab, replicating: Pair) -> None:
    a, b = replicating
    ((system,),) = a.sql("SELECT system_identifier FROM pg_control_system()")
    process.stop(one for one in lab.environment.processes() if one.name == "cnpg")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        a.sql("SELECT 1")
    environment.start(lab.home)

    def back() -> None:
        assert a.sql("SELECT system_identifier FROM pg_control_system()") == [(system,)]

    eventually(back)
    a.sql("INSERT INTO site_a_data VALUES (1002, 'after the restart')")

    def arrived() -> None:
        assert b.sql("SELECT payload FROM site_a_data WHERE id = 1002") == [("after the restart",)]

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
    """PostgreSQL only warns of a missing publication, and the operator never looks again (facts: trap 1)."""
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


@pytest.fixture
def alone(make: Callable[[], Pair]) -> Site:
    """A Cluster of the community's group that waits to be applied."""
    return make()[1]


def apply(site: Site, **spec: object) -> None:
    """Apply a Cluster with little in its spec."""
    body = {"metadata": {"name": site.cluster}, "spec": {"imageName": IMAGE, "storage": {"size": "1Gi"}, **spec}}
    site.api.apply(site.group.cluster, site.namespace, body)


def has_phase(site: Site, phase: str, reason: str) -> Callable[[], None]:
    """Whether the Cluster is in a phase for a reason, and not Ready."""

    def check() -> None:
        status = site.status()
        assert (status["phase"], status["phaseReason"]) == (phase, reason)
        assert {one["type"]: one["status"] for one in status["conditions"]}["Ready"] == "False"

    return check


def test_a_bootstrap_whose_sql_fails_is_reported_and_never_made_again(lab: Lab, alone: Site) -> None:
    apply(alone, bootstrap={"initdb": {"postInitApplicationSQL": ["CREATE TABLE t (id int)", "SELECT * FROM missing"]}})
    reason = (
        "Instance creation failed for the following jobs: edb-site-b-1-initdb. "
        "Check the job logs to investigate the cause of the failure."
    )
    eventually(has_phase(alone, "Cluster is unrecoverable and needs manual intervention", reason))
    assert 'relation "missing" does not exist' in log_of(lab, alone)


def test_what_the_webhook_would_refuse_is_named_by_field_in_the_status(lab: Lab, alone: Site) -> None:
    apply(alone, imageName="registry.example.com/postgresql:latest", postgresql={"parameters": {"ssl": "off"}})
    reason = (
        "the resource failed admission validation on: spec.imageName, spec.postgresql.parameters.ssl "
        "(see the operator logs for details)"
    )
    eventually(has_phase(alone, "Invalid cluster definition", reason))
    assert "Can't use 'latest' as image tag" in (lab.home.logs / "cnpg.log").read_text()


def test_a_ca_with_a_key_of_another_kind_is_refused_in_the_operators_words(alone: Site) -> None:
    data = {"ca.crt": base64.b64encode(alone.authority.certificate).decode()}
    alone.api.apply(kinds.SECRET, alone.namespace, {"metadata": {"name": "half"}, "data": data})
    apply(alone, certificates={"serverCASecret": "half"})
    eventually(has_phase(alone, "Unable to create required cluster objects", "missing ca.key secret data"))
    apply(alone, certificates={"serverCASecret": "absent"})
    reason = 'missing specified server CA secret absent: Secret "absent" not found'
    eventually(has_phase(alone, "Unable to create required cluster objects", reason))


def test_a_role_whose_secret_is_missing_is_reported_and_made_once_it_is_there(alone: Site) -> None:
    apply(alone, managed={"roles": [{"name": "reader", "login": True, "passwordSecret": {"name": "reader"}}]})

    def reported() -> None:
        status = alone.status()["managedRolesStatus"]
        assert status["cannotReconcile"] == {
            "reader": ['failed to get password secret reader: Secret "reader" not found']
        }
        assert status["byStatus"]["pending-reconciliation"] == ["reader"]

    eventually(reported)
    alone.wait_until_ready()
    assert alone.api.get(kinds.SECRET, alone.namespace, "edb-site-b-superuser") is None
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=alone.address(), user="postgres", password="any", connect_timeout=5)
    alone.secret("reader", "reader", "given late")

    def made() -> None:
        status = alone.status()["managedRolesStatus"]
        assert status["byStatus"]["reconciled"] == ["reader"]
        assert "cannotReconcile" not in status

    eventually(made)


def test_a_password_secret_of_another_user_is_told_of_in_the_log_alone(lab: Lab, alone: Site) -> None:
    alone.secret("foreign", "somebody", "secret")
    apply(alone, enableSuperuserAccess=True, superuserSecret={"name": "foreign"})
    alone.wait_until_ready()
    words = "while updating database owner password: wrong username 'somebody' in secret, expected 'postgres'"
    assert words in log_of(lab, alone)


def test_replicas_stream_from_the_primary_confirm_its_commits_and_go_when_they_are_not_wanted(alone: Site) -> None:
    # Defaulting would add the durability, as a field that nobody here owns: it would stay when the rest is taken back.
    synchronous = {"method": "any", "number": 1, "dataDurability": "required"}
    alone.secret("known", "postgres", "superuser-of-site_b")
    more = {"enableSuperuserAccess": True, "superuserSecret": {"name": "known"}}
    names = ("edb-site-b-1", "edb-site-b-2")
    apply(alone, instances=2, postgresql={"synchronous": synchronous}, **more)
    alone.wait_until_ready()
    status = alone.status()
    assert (status["instances"], status["readyInstances"]) == (2, 2)
    assert status["instancesStatus"] == {"healthy": list(names)}
    addresses = [alone.get(kinds.POD, name)["status"]["podIP"] for name in names]
    roles = [alone.get(kinds.POD, name)["metadata"]["labels"]["cnpg.io/instanceRole"] for name in names]
    assert roles == ["primary", "replica"]

    def asked(address: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(
            host=address, user="postgres", password="superuser-of-site_b", dbname="app", autocommit=True
        ) as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def confirms() -> None:
        statement = "SELECT application_name, sync_state, ssl FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"
        found = asked(addresses[0], statement)
        assert found == [("edb-site-b-2", "quorum", True)]

    eventually(confirms)
    asked(addresses[0], "CREATE TABLE t AS SELECT 1 AS one")

    def copied() -> None:
        assert asked(addresses[1], "SELECT one, pg_is_in_recovery() FROM t") == [(1, True)]

    eventually(copied)
    apply(alone, instances=1, **more)

    def alone_again() -> None:
        status = alone.status()
        assert (status["instances"], status["readyInstances"], status["phase"]) == (1, 1, "Cluster in healthy state")
        assert alone.api.get(kinds.VOLUME_CLAIM, alone.namespace, "edb-site-b-2") is None
        assert asked(addresses[0], "SELECT count(*) FROM pg_replication_slots") == [(0,)]

    eventually(alone_again)
