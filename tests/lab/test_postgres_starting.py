"""What must not get lost, or end a server, while its pod prepares it; and rules that PostgreSQL reads. No cluster."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.postgres import access
from components.postgres.shape import PostgresServerArgs
from components.sites.postgres import server_shape
from lab.binaries.postgresql import postgresql
from lab.progress import Silent
from tests.lab.test_postgres_pods import PRIMARY_ARGS, Pod, pod
from tests.lab.unprivileged import readable_folder, write
from tests.lab.waiting import until
from tests.unit.recorder import settings_of
from tests.unit.test_database_settings import primary
from tests.unit.test_postgres_settings import ACCEPTED_RULES

pytestmark = pytest.mark.lab
# A container beside the server that cannot reach the store.
ARCHIVES_NOTHING = ("-c", "archive_mode=on", "-c", "archive_command=false")
ROOMY = {"max_replication_slots": "20", "wal_level": "logical", "max_prepared_transactions": "2"}
GIVEN = tuple(part for name, value in ROOMY.items() for part in ("-c", f"{name}={value}"))


def args(**postgres: Any) -> PostgresServerArgs:
    shape = server_shape(settings_of(primary(**postgres), stack="site-a"))
    return dataclasses.replace(PRIMARY_ARGS, shape=shape)


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with readable_folder(postgresql(Silent())) as folder:
        yield folder


@pytest.fixture
def server(root: Path, request: pytest.FixtureRequest) -> Iterator[Pod]:
    """A pod with the settings of the test's parameter."""
    yield from pod(root, args(**request.param))


def waiting(server: Pod) -> list[str]:
    """The files of WAL that the store does not have yet."""
    status = server.data / "pg_wal" / "archive_status"
    ready = sorted(file.stem for file in status.glob("*.ready"))
    assert all((server.data / "pg_wal" / name).exists() for name in ready)
    return ready


@pytest.mark.parametrize(
    "server",
    [{"backup": {"destinationPath": "s3://b"}}, {"parameters": {"archive_mode": "on", "archive_command": "false"}}],
    indirect=True,
)
def test_a_new_pod_keeps_the_wal_that_the_store_does_not_have(server: Pod) -> None:
    with server.serving(*ARCHIVES_NOTHING):
        for _ in range(5):
            server.query("SELECT pg_logical_emit_message(true, 'a', 'b'), pg_switch_wal()")
    before = waiting(server)
    assert len(before) >= 5
    server.prepare()
    assert set(before) <= set(waiting(server))


@pytest.mark.parametrize("server", [{"parameters": ROOMY | {"synchronous_standby_names": "site_b"}}], indirect=True)
def test_a_server_starts_again_with_what_its_parameters_had_room_for(server: Pod) -> None:
    with server.serving(*GIVEN):
        for number in range(12):
            assert server.query(f"SELECT slot_name FROM pg_create_physical_replication_slot('slot_{number}')")
        assert server.query("SELECT slot_name FROM pg_create_logical_replication_slot('changes', 'pgoutput')")
        server.query("BEGIN; CREATE TABLE promised (); PREPARE TRANSACTION 'one'")
    with server.serving(*GIVEN):
        assert server.query("SELECT count(*) FROM pg_replication_slots") == "13"
        assert server.query("SELECT gid FROM pg_prepared_xacts") == "one"


@pytest.mark.parametrize("server", [{}], indirect=True)
def test_postgresql_reads_every_rule_that_the_settings_accept(server: Pod) -> None:
    rules = server.root / "pg_hba.conf"
    write(rules, access.text(ACCEPTED_RULES))
    with server.serving("-c", f"hba_file={rules}"):
        until(lambda: server.query("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == "0")
        assert int(server.query("SELECT count(*) FROM pg_hba_file_rules")) == len(ACCEPTED_RULES) + 5
