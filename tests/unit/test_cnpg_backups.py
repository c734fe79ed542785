"""Barman's command lines, what its answers mean, when a schedule's time comes, and what the lab adds to a stack."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.home import Home
from lab.object_store import ObjectStore
from lab.stacks.files import Stack
from lab.stacks.overrides import backed_up, overrides
from lab.stacks.settings import provisional
from lab.stand_ins.cnpg import barman, object_stores
from lab.stand_ins.cnpg.object_stores import Destination
from lab.stand_ins.cnpg.schedule import Schedule, ScheduleError

CONFIGURATION = {"destinationPath": "s3://backups/rhsi", "endpointURL": "https://store"}
WHERE = ["--endpoint-url", "https://store", "--cloud-provider", "aws-s3", "s3://backups/rhsi", "edb"]
RUN = ["sh", "/controller/barman-store/run"]


def test_a_plain_store_needs_no_options() -> None:
    assert barman.archive("store", CONFIGURATION, "edb") == [*RUN, "cloud_walarchive", *WHERE]
    assert barman.back_up("store", CONFIGURATION, "edb", "b1") == [
        *[*RUN, "cloud_backup", "--user", "postgres", "--name", "b1"],
        *WHERE,
    ]


def test_every_choice_of_an_object_store_is_an_option() -> None:
    chosen = {
        **CONFIGURATION,
        "data": {"compression": "lz4", "encryption": "AES256", "jobs": 4, "immediateCheckpoint": True},
        "wal": {"compression": "zstd", "encryption": "aws:kms"},
        "tags": {"team": "databases"},
    }
    assert barman.back_up("store", chosen, "edb", "b1") == [
        *[*RUN, "cloud_backup", "--user", "postgres", "--name", "b1", "--lz4", "--encryption", "AES256"],
        *["--immediate-checkpoint", "--jobs", "4", "--tags", "team,databases", *WHERE],
    ]
    options = ["--zstd", "-e", "aws:kms", "--tags", "team,databases"]
    assert barman.archive("store", chosen, "edb") == [*RUN, "cloud_walarchive", *options, *WHERE]


@pytest.mark.parametrize(("retention", "words"), [("30d", "30 DAYS"), ("4w", "4 WEEKS"), ("6m", "6 MONTHS")])
def test_a_retention_policy_is_a_recovery_window(retention: str, words: str) -> None:
    line = barman.delete("store", CONFIGURATION, "edb", retention)
    assert line[line.index("--retention-policy") + 1] == f"RECOVERY WINDOW OF {words}"


def test_no_credential_is_an_argument_or_in_the_environment_of_a_tool() -> None:
    script = barman.runner("store", has_authority=True, region="eu-central-1")
    assert "export AWS_SHARED_CREDENTIALS_FILE=/controller/barman-store/credentials\n" in script
    assert "export AWS_CA_BUNDLE=/controller/barman-store/ca.crt\n" in script
    assert "export AWS_DEFAULT_REGION=eu-central-1\n" in script
    assert "SECRET" not in script
    assert "AWS_CA_BUNDLE" not in barman.runner("store", has_authority=False, region="")


def run_archive_script(folder: Path, monkeypatch: pytest.MonkeyPatch, **codes: int) -> tuple[int, list[str], str]:
    """Run the script with a stand-in for Barman: its exit code, the tools that were called, and the fault."""
    (folder / "run").write_text(
        f'echo "$1" >>{folder}/calls\ncase $1 in\n'
        + "".join(f"{tool}) echo {tool} failed >&2; exit {code};;\n" for tool, code in codes.items())
        + "esac\n"
    )
    for name, value in {"FAULT": f"{folder}/fault", "FIRST_ARCHIVE": f"{folder}/first"}.items():
        monkeypatch.setattr(barman, name, value)
    monkeypatch.setattr(barman, "folder", lambda _: str(folder))
    (folder / "archive").write_text(barman.archive_script("store", CONFIGURATION, "edb"))
    done = subprocess.run(["/bin/sh", folder / "archive", "pg_wal/1"], capture_output=True, text=True, check=False)
    calls = (folder / "calls").read_text().split()
    return done.returncode, calls, (folder / "fault").read_text()


def test_the_first_file_of_wal_goes_into_an_empty_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").touch()
    code, calls, fault = run_archive_script(tmp_path, monkeypatch, cloud_check_wal_archive=4)
    assert (code, calls, fault) == (4, ["cloud_check_wal_archive"], "cloud_check_wal_archive failed\n")
    assert (tmp_path / "first").exists(), "the next attempt checks again"
    (tmp_path / "calls").unlink()
    code, calls, _ = run_archive_script(tmp_path, monkeypatch, cloud_walarchive=2)
    assert (code, calls) == (2, ["cloud_check_wal_archive", "cloud_walarchive"])
    (tmp_path / "calls").unlink()
    code, calls, _ = run_archive_script(tmp_path, monkeypatch)
    assert (code, calls) == (0, ["cloud_walarchive"]), "half a file may be there since"


def test_a_file_that_is_not_archived_is_told_to_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, fault = run_archive_script(tmp_path, monkeypatch, cloud_walarchive=2)
    assert (code, fault) == (2, "cloud_walarchive failed\n")


def test_a_store_that_cannot_be_opened_refuses_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barman, "FAULT", str(tmp_path / "fault"))
    script = barman.refusing_script('Secret "it\'s" not found')
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, 'Secret "it\'s" not found\n')
    assert (tmp_path / "fault").read_text() == done.stderr


def listed(identity: str, end: str) -> dict[str, Any]:
    """A backup as barman-cloud-backup-list shows it; one without an end has failed."""
    return {
        "backup_id": identity,
        "backup_name": f"backup-{identity}",
        "begin_wal": "1",
        "end_wal": "2",
        "timeline": 1,
        "begin_time_iso": "2026-11-27T10:00:00+00:00",
        "end_time_iso": end or None,
    }


CATALOGUE = json.dumps(
    {
        "backups_list": [
            listed("20261127T120000", "2026-11-27T12:05:00+00:00"),
            listed("20261127T100000", "2026-11-27T10:05:00+00:00"),
            listed("20261127T130000", ""),
        ]
    }
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", "20261127T120000"),
        ("2026-11-27T12:05:00Z", "20261127T120000"),
        ("2026-11-27T13:04:59+01:00", "20261127T100000"),
        ("2026-11-27T10:04:59Z", None),
    ],
)
def test_a_recovery_begins_with_the_last_backup_that_had_ended(target: str, expected: str | None) -> None:
    found = barman.latest_before(barman.backups(CATALOGUE), target)
    assert (found.identity if found else None) == expected


def test_the_window_of_recovery_is_from_the_first_to_the_last_whole_backup() -> None:
    assert barman.window(barman.backups(CATALOGUE)) == {
        "firstRecoverabilityPoint": "2026-11-27T10:05:00Z",
        "lastSuccessfulBackupTime": "2026-11-27T12:05:00Z",
    }
    assert barman.window([]) == {}


def test_a_cluster_archives_under_its_name_and_recovers_from_what_its_source_names() -> None:
    plugin = {"name": barman.PLUGIN, "isWALArchiver": True, "parameters": {"barmanObjectName": "store"}}
    spec: dict[str, Any] = {"plugins": [plugin], "bootstrap": {"recovery": {"source": "backups"}}}
    cluster = {"metadata": {"name": "edb-a"}, "spec": spec}
    assert object_stores.archive_of(cluster) == Destination("store", "edb-a")
    assert object_stores.source_of(cluster) is None
    parameters = {"barmanObjectName": "other", "serverName": "edb-old"}
    spec["externalClusters"] = [{"name": "backups", "plugin": {"name": barman.PLUGIN, "parameters": parameters}}]
    assert object_stores.source_of(cluster) == Destination("other", "edb-old")
    plugin["isWALArchiver"] = False
    assert object_stores.archive_of(cluster) is None


NOW = datetime(2026, 11, 27, 19, 30, 15, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 0 2 * * *", "2026-11-28 02:00:00"),
        ("15 30 19 * * *", "2026-11-28 19:30:15"),
        ("*/10 * * * * *", "2026-11-27 19:30:20"),
        ("0 0 0 1 1 *", "2027-01-01 00:00:00"),
        ("0 30 9-17/4 * * 1,2", "2026-11-30 09:30:00"),
        ("0 0 12 13 * 0", "2026-11-29 12:00:00"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: str) -> None:
    assert Schedule.parse(schedule).after(NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_schedule_that_never_comes_has_no_next_time() -> None:
    assert Schedule.parse("0 0 0 31 2 *").after(NOW) is None


@pytest.mark.parametrize("schedule", ["0 2 * * *", "0 0 25 * * *", "a * * * * *", "0 0 5-2 * * *", "*/0 * * * * *"])
def test_a_schedule_in_another_form_is_refused(schedule: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule.parse(schedule)


def stack(**edb: Any) -> Stack:
    return Stack("site-a", {"rhsi:role": "primary", "rhsi:edb": edb})


def test_only_a_stack_with_a_destination_asks_for_a_store() -> None:
    backup = {"destinationPath": "s3://backups/rhsi"}
    everything = provisional(Home(Path("/nowhere")))
    for key in ("edb", "postgres"):
        asking = Stack("site-a", {"rhsi:role": "primary", f"rhsi:{key}": {"enabled": True, "backup": backup}})
        assert backed_up(asking, everything) == [key]
    for other in (stack(enabled=False, backup=backup), stack(enabled=True), stack(enabled=True, backup="s3://b")):
        assert not backed_up(other, everything)
        assert "rhsi:edb" not in overrides(other, everything)


def test_on_the_lab_a_stack_backs_up_into_the_labs_own_store(tmp_path: Path) -> None:
    home = Home(tmp_path)
    backup = {"destinationPath": "s3://b", "endpointUrl": "https://s3.example.com", "credentials": "s3"}
    ObjectStore(home).place("https://127.0.0.1:1234")
    changed = overrides(stack(enabled=True, backup=backup), provisional(home))["rhsi:edb"]
    assert changed["backup"] == {
        **backup,
        "endpointUrl": "https://127.0.0.1:1234",
        "endpointCa": "lab-object-store-ca",
    }
    elsewhere = provisional(home, without={"cnpg"})
    assert "rhsi:edb" not in overrides(stack(enabled=True, backup=backup), elsewhere), "the operator is not the lab's"


def test_the_keys_of_a_store_stay_and_show_nowhere(tmp_path: Path) -> None:
    store = ObjectStore(Home(tmp_path))
    assert not store.url
    store.place("https://127.0.0.1:1")
    keys = store.keys()
    store.place("https://127.0.0.1:2")
    assert (store.url, store.keys()) == ("https://127.0.0.1:2", keys)
    assert keys.secret not in repr(keys)
