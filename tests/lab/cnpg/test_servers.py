"""A Cluster of CloudNativePG on the lab is a real server: what stands, who gets in, how it changes and comes back.

The tests share two Clusters that replicate, and follow one another.
"""

import subprocess
from collections.abc import Callable

import psutil
import psycopg
import pytest

from lab import environment
from lab.servers import process
from lab.stand_ins.controller import kinds
from tests.lab import kubectl
from tests.lab.cnpg.clusters import Pair
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


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


def test_kubectl_enters_the_server_as_its_superuser_and_reads_its_log(lab: Lab, running: Pair) -> None:
    a, _ = running
    pod = ("-n", a.namespace, "edb-site-a-1", "-c", "postgres")
    psql = ("psql", "-U", "postgres", "-d", "app", "-XAt")

    def says(*arguments: str) -> str:
        line = kubectl.command(lab, lab.contexts[0], *arguments)
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout

    assert (
        says("exec", *pod, "--", *psql, "-c", "SELECT session_user, usesuper FROM pg_user WHERE usename = session_user")
        == "postgres|t\n"
    )
    with kubectl.terminal(kubectl.command(lab, lab.contexts[0], "exec", "-it", *pod, "--", *psql)) as session:
        session.see("app=#")
        session.type("SELECT 6 * 7;\n")
        session.see("42\r\n")
        session.type("\\q\n")
        assert session.process.wait(timeout=30) == 0
    assert "database system is ready to accept connections" in says("logs", *pod)


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
