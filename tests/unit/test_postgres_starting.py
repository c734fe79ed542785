"""With which parameters a primary is prepared, and that a server which needs none of them keeps its pod."""

from typing import Any

import pytest

from components.postgres import replication, starting
from components.postgres.pod import SCRIPT, preparation
from components.postgres.shape import PostgresServerArgs
from components.sites.postgres import server_shape
from tests.unit.recorder import settings_of
from tests.unit.test_database_settings import primary

STORE = {"destinationPath": "s3://backups/rhsi", "credentials": "s3"}
KEPT = {"archive_mode": "on", "archive_command": "", "archive_library": ""}


def args(**postgres: Any) -> PostgresServerArgs:
    return replication.primary_args(
        namespace="rhsi",
        shape=server_shape(settings_of(primary(**postgres), stack="site-a")),
        application_secret="a",
        replication_secret="r",
        password_rotation=1,
        wal_keep="4GB",
        timeout="5m",
        fenced=False,
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_connections": "300", "work_mem": "64MB", "synchronous_standby_names": "site_b"},
        {"wal_level": "REPLICA", "max_replication_slots": "10", "archive_mode": "off"},
    ],
)
def test_a_server_that_needs_none_is_prepared_as_ever(parameters: dict[str, str]) -> None:
    container = preparation(args(parameters=parameters))
    assert container["command"] == ["/bin/sh", "-c", SCRIPT, "postgres-server", "prepare"]
    assert starting.VARIABLE not in {one["name"] for one in container["env"]}


@pytest.mark.parametrize(
    ("postgres", "given"),
    [
        ({"backup": STORE}, KEPT),
        ({"parameters": {"archive_mode": "on", "archive_command": "their own"}}, KEPT),
        ({"parameters": {"max_replication_slots": "20"}}, {"max_replication_slots": "20"}),
        (
            {
                "backup": STORE,
                "parameters": {
                    "wal_level": "logical",
                    "max_connections": "300",
                    "synchronous_standby_names": "site_b",
                    "default_transaction_read_only": "on",
                },
            },
            {"wal_level": "logical", "max_connections": "300", **KEPT},
        ),
    ],
)
def test_what_is_in_the_data_finds_room_and_wal_is_kept(postgres: dict[str, Any], given: dict[str, str]) -> None:
    assert starting.parameters(args(**postgres)) == given


def test_a_standby_starts_no_server_before_it_serves() -> None:
    shape = args(backup=STORE).shape
    standby = replication.standby_args(
        namespace="rhsi", shape=shape, site="site-b", primary_parameters="", replication_secret="r"
    )
    assert starting.parameters(standby) == {}


def test_no_value_is_more_than_a_value_to_the_shell_of_pg_ctl() -> None:
    assert starting.options({"wal_level": "a; b 'c'"}) == """-c 'wal_level=a; b '"'"'c'"'"''"""
