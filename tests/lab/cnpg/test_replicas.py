"""Replicas of a Cluster of CloudNativePG: they stream, confirm commits, and go."""

import psycopg
import pytest

from lab.stand_ins.controller import kinds
from tests.lab.cnpg.clusters import apply
from tests.lab.databases import ClusterSite
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab


def test_replicas_stream_from_the_primary_confirm_its_commits_and_go_when_they_are_not_wanted(
    alone: ClusterSite,
) -> None:
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
