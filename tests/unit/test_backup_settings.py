"""The settings of backups and of a recovery: what is accepted, what is refused, and in which words."""

from typing import Any

import pytest

from tests.unit.recorder import settings_of
from tests.unit.test_edb_settings import mistakes_in, primary

BUCKET = "s3://backups/rhsi"
ROLE = "arn:aws:iam::123456789012:role/backups"


def backed_up(**backup: Any) -> dict[str, Any]:
    """A primary that backs up."""
    return primary(backup={"destinationPath": BUCKET, **backup})


def test_a_bucket_is_enough() -> None:
    found = settings_of(backed_up(), stack="site-a").edb.backup
    assert (found.destination_path, found.retention, found.schedule, found.immediate) == (
        BUCKET,
        "30d",
        "0 0 2 * * *",
        True,
    )


def test_everything_that_the_plugin_knows_of_a_store_can_be_said() -> None:
    chosen = {
        "endpointUrl": "https://s3.example.com",
        "endpointCa": "s3-ca",
        "credentials": "s3",
        "regionKey": "REGION",
        "serverName": "edb-site-a-2",
        "retention": "4w",
        "schedule": "0 30 1 * * *",
        "immediate": False,
        "compression": "snappy",
        "walCompression": "zstd",
        "encryption": "aws:kms",
        "dataJobs": 4,
        "walMaxParallel": 8,
        "tags": {"team": "databases"},
    }
    found = settings_of(backed_up(**chosen), stack="site-a").edb.backup
    assert found.model_dump(by_alias=True) == {"destinationPath": BUCKET, "iamRole": "", **chosen}
    assert settings_of(backed_up(iamRole=ROLE), stack="site-a").edb.backup.iam_role == ROLE


@pytest.mark.parametrize(
    ("backup", "key", "words"),
    [
        ({"destinationPath": "/var"}, "destinationPath", "write a bucket with a folder"),
        ({"schedule": "0 2 * * *"}, "schedule", "six cron fields"),
        ({"retention": "30"}, "retention", "such as 30d"),
        ({"compression": "zstd"}, "compression", "it must be '', 'bzip2', 'gzip', 'lz4' or 'snappy'"),
        ({"walCompression": "zip"}, "walCompression", "'xz' or 'zstd'"),
        ({"encryption": "aes"}, "encryption", "it must be '', 'AES256' or 'aws:kms'"),
        ({"dataJobs": -1}, "dataJobs", "a whole number of 0 or more"),
        ({"walMaxParallel": "8"}, "walMaxParallel", "a whole number of 0 or more"),
        ({"immediate": "yes"}, "immediate", "it must be true or false"),
        ({"iamRole": "backups"}, "iamRole", "write the role's ARN"),
        ({"iamRole": ROLE, "credentials": "s3"}, "iamRole", "keys and a role exclude each other"),
        ({"regionKey": "a b", "credentials": "s3"}, "regionKey", "it is no key of a Secret"),
        ({"tags": {"a,b": "c"}}, "tags.a,b", "make a tag"),
        ({"endpointCa": "ca", "endpointUrl": "http://s3.example.com"}, "endpointUrl", "an endpoint with TLS"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_its_fix(backup: dict[str, Any], key: str, words: str) -> None:
    (mistake,) = mistakes_in(backed_up(**backup))
    assert mistake.startswith(f"rhsi:edb.backup.{key} is ")
    assert words in mistake


def test_backups_that_would_go_nowhere_are_refused() -> None:
    assert mistakes_in(primary(backup={"retention": "7d"})) == [
        "rhsi:edb.backup.destinationPath is missing: without it nothing is backed up; set it, or remove "
        "rhsi:edb.backup."
    ]
    assert mistakes_in(backed_up(endpointCa="s3-ca")) == [
        "rhsi:edb.backup.endpointUrl is missing: the authority belongs to an endpoint with TLS; set its URL, which "
        "begins with https://."
    ]
    assert mistakes_in(backed_up(regionKey="REGION")) == [
        "rhsi:edb.backup.credentials is missing: regionKey is a key of that Secret; name it."
    ]


def test_a_recovery_needs_backups_and_a_folder_of_its_own() -> None:
    found = mistakes_in(primary(recovery={"targetTime": "yesterday"}))
    assert found == [
        'rhsi:edb.recovery.targetTime is "yesterday": write a time with its zone, such as 2026-11-23T21:30:00Z.',
        "rhsi:edb.recovery.serverName is missing: name the folder of the backups to start from, such as edb-site-a.",
        "rhsi:edb.backup.destinationPath is missing: a recovery reads the backups there; set it.",
    ]
    backup = {"destinationPath": "s3://backups", "serverName": "edb-site-a"}
    (mistake,) = mistakes_in(primary(recovery={"serverName": "edb-site-a"}, backup=backup))
    assert "may not write into the folder that it came from" in mistake
    good = primary(recovery={"serverName": "edb-site-a"}, backup={**backup, "serverName": "edb-site-a-2"})
    assert settings_of(good, stack="site-a").edb.recovery.server_name == "edb-site-a"
