"""Backups of the streaming database: settings, pod, CronJob, and the scripts with stand-ins for the tools."""

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.common_metadata import CommonMetadata
from components.postgres import backup, backup_schedule, replication
from components.postgres.server import account_metadata, stateful_set_spec
from components.postgres.shape import ServerShape
from components.sites.network_policies import site_flows
from components.sites.postgres import server_shape
from tests.arguments import RUNTIME
from tests.unit.recorder import settings_of
from tests.unit.test_database_settings import primary, refused, standby

STORE = {"destinationPath": "s3://backups/rhsi", "credentials": "s3"}
RECOVERY = {"serverName": "postgres-site-a", "targetTime": "2026-11-23T21:30:00Z"}


def shape(**postgres: Any) -> ServerShape:
    return server_shape(settings_of(primary(**postgres), stack="site-a"))


def pod(wanted: ServerShape) -> dict[str, Any]:
    args = replication.primary_args(
        namespace="rhsi",
        shape=wanted,
        application_secret="a",
        replication_secret="r",
        password_rotation=1,
        wal_keep="4GB",
        timeout="5m",
        fenced=False,
    )
    found: dict[str, Any] = stateful_set_spec(args)["template"]["spec"]
    return found


def containers(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in (*spec["initContainers"], *spec["containers"])}


@pytest.mark.parametrize(
    ("postgres", "words"),
    [
        ({"backup": {"credentials": "s3"}}, "rhsi:postgres.backup.destinationPath is missing"),
        ({"backup": {**STORE, "schedule": "30 0 2 * * *"}}, "write 0 as the first field"),
        ({"backup": STORE, "parameters": {"archive_command": "true"}}, "with rhsi:postgres.backup the program sets it"),
        ({"recovery": RECOVERY}, "a recovery reads the backups there"),
        ({"backup": {**STORE, "serverName": "postgres-site-a"}, "recovery": RECOVERY}, "the folder that it came from"),
    ],
)
def test_what_no_backup_can_be_is_refused(postgres: dict[str, Any], words: str) -> None:
    assert words in refused(primary(**postgres))


def test_a_recovery_of_a_standby_is_refused() -> None:
    text = refused(standby(recovery=RECOVERY, backup={**STORE, "serverName": "two"}))
    assert "rhsi:postgres.recovery" in text
    assert "it belongs into the primary's stack" in text


def test_a_server_without_backups_has_nothing_of_them() -> None:
    spec = pod(shape())
    assert set(containers(spec)) == {"prepare", "postgres"}
    assert "archive" not in json.dumps(spec)


def test_a_server_with_backups_archives_through_the_container_beside_it() -> None:
    spec = pod(shape(backup=STORE, parameters={"archive_timeout": "60"}))
    found = containers(spec)
    assert set(found) == {"prepare", "postgres", "backup"}
    arguments = found["postgres"]["args"]
    assert arguments.index("archive_timeout=5min") < arguments.index("archive_timeout=60")
    assert arguments[-1] == 'archive_command=sh -c "$ARCHIVE" archive %f'
    for one in ("postgres", "backup"):
        assert {"name": "spool", "mountPath": "/spool"} in found[one]["volumeMounts"]
    assert found["backup"]["image"] == "ghcr.io/cloudnative-pg/postgresql:16-system-bookworm"
    assert found["backup"]["securityContext"] == found["postgres"]["securityContext"]
    assert {"requests", "limits"} == set(found["backup"]["resources"])
    assert not any("ACCESS" in variable["name"] for variable in found["backup"]["env"])
    (volume,) = [one for one in spec["volumes"] if one["name"] == "backup"]
    assert volume["secret"]["secretName"] == "s3"


def test_every_choice_is_an_option_of_the_tools() -> None:
    wanted = {
        **STORE,
        "endpointUrl": "https://store",
        "compression": "lz4",
        "walCompression": "zstd",
        "encryption": "AES256",
        "dataJobs": 4,
        "walMaxParallel": 8,
        "tags": {"team": "all of us"},
        "retention": "4w",
        "serverName": "two",
        "regionKey": "REGION",
        "endpointCa": "",
    }
    given = shape(backup=wanted, recovery=RECOVERY).backup
    assert given
    text = backup.tools(given)
    store = "--endpoint-url https://store --cloud-provider aws-s3 s3://backups/rhsi"
    common = f"--encryption AES256 --tags 'team,all of us' {store} two"
    assert f'archive() {{ barman-cloud-wal-archive --zstd {common} "$@"; }}' in text
    assert f"--jobs 4 --lz4 {common}" in text
    assert f"clean() {{ barman-cloud-backup-delete --retention-policy 'RECOVERY WINDOW OF 4 WEEKS' {store} two" in text
    assert f"restore() {{ barman-cloud-restore --target-time 2026-11-23T21:30:00Z {store} postgres-site-a auto" in text
    assert "TARGET='2026-11-23 21:30:00+00:00'" in text
    assert f"barman-cloud-wal-restore --parallel 8 --spool-dir /tmp/walrestore {store} postgres-site-a" in text
    assert "AWS_DEFAULT_REGION </secrets/backup/REGION" in text


def test_a_recovery_comes_before_everything_that_makes_a_server() -> None:
    wanted = shape(backup={**STORE, "serverName": "two"}, recovery=RECOVERY, parameters={"work_mem": "8MB"})
    spec = pod(wanted)
    assert [one["name"] for one in spec["initContainers"]] == ["recover", "prepare"]
    assert spec["initContainers"][0]["args"] == ["-c", "work_mem=8MB"]


def test_a_recovery_runs_the_server_with_what_that_may_use() -> None:
    resources = {"requests": {"memory": "4Gi"}, "limits": {"memory": "8Gi"}}
    wanted = shape(backup={**STORE, "serverName": "two"}, recovery=RECOVERY, resources=resources)
    found = containers(pod(wanted))
    assert found["recover"]["resources"] == found["postgres"]["resources"] == resources
    assert found["backup"]["resources"] != resources


def test_the_store_is_reached_through_the_proxy_by_whoever_talks_to_it() -> None:
    proxy = "http://proxy.example.com:3128"
    values = primary(backup={**STORE, "serverName": "two"}, recovery=RECOVERY)
    found = containers(
        pod(server_shape(settings_of({**values, "pods": {"proxy": {"httpsProxy": proxy}}}, stack="site-a")))
    )
    for name, container in found.items():
        given = {one["name"]: one.get("value") for one in container["env"]}
        talks = name in {"backup", "recover"}
        assert (given.get("HTTPS_PROXY"), given.get("https_proxy")) == ((proxy, proxy) if talks else (None, None))
        assert (".svc" in str(given.get("NO_PROXY"))) is talks
    assert "proxy" not in json.dumps(pod(server_shape(settings_of(values, stack="site-a")))).lower()


def test_a_role_of_the_pods_is_on_their_account() -> None:
    role = "arn:aws:iam::123456789012:role/backups"
    wanted = shape(backup={"destinationPath": "s3://b", "iamRole": role})
    args = replication.standby_args(
        namespace="rhsi", shape=wanted, site="site-b", primary_parameters="", replication_secret="r"
    )
    assert account_metadata(args)["annotations"] == {"eks.amazonaws.com/role-arn": role}


def test_the_schedule_is_that_of_the_settings_without_its_seconds() -> None:
    given = shape(backup={**STORE, "schedule": "0 30 1 * * 0"}).backup
    assert given
    spec = backup_schedule.spec("postgres-primary", "rhsi", given, RUNTIME)
    assert spec["schedule"] == "30 1 * * 0"
    assert spec["concurrencyPolicy"] == "Forbid"


def test_labels_of_everything_are_on_what_the_schedule_makes_too() -> None:
    given = shape(backup=STORE).backup
    assert given
    spec = backup_schedule.spec("postgres-primary", "rhsi", given, RUNTIME)
    common = CommonMetadata(labels={"team": "databases"}, annotations={"mail": "databases@example.com"})
    template = common.on_what_it_makes("CronJob", spec)["jobTemplate"]
    for metadata in (template["metadata"], template["spec"]["template"]["metadata"]):
        assert metadata["labels"]["team"] == "databases"
        assert metadata["annotations"]["mail"] == "databases@example.com"
    assert template["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == backup_schedule.NAME
    assert common.on_what_it_makes("CronJob", spec)["schedule"] == spec["schedule"]


def test_the_servers_pod_may_reach_the_store() -> None:
    settings = settings_of(primary(backup={**STORE, "endpointUrl": "https://store:9000"}), stack="site-a")
    assert site_flows(settings).stores == (9000,)
    assert site_flows(settings_of(primary(), stack="site-a")).stores == ()
    proxy = {"proxy": {"httpsProxy": "http://proxy.example.com:3128"}}
    for url, ports in (("https://store:9000", (9000, 3128)), ("http://store:9000", (9000,)), ("", (443, 3128))):
        values = {**primary(backup={**STORE, "endpointUrl": url}), "pods": proxy}
        assert site_flows(settings_of(values, stack="site-a")).stores == ports


class Pod:
    """Both scripts with one spool and one volume, and Barman's tools that do what a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool, self.data = root / "spool", root / "data" / "pgdata"
        self.spool.mkdir()
        (self.data / "pg_wal").mkdir(parents=True)
        self.environment = {
            "PATH": f"{root}:/usr/bin:/bin",
            "SPOOL": str(self.spool),
            "PGDATA": str(self.data),
            "HOME": str(root),
            "FOLDER": "one",
            "FIRST": "false",
        }
        self.tool("psql", "echo f")

    def tool(self, name: str, body: str) -> None:
        """A program that records its call and then does this."""
        file = self.root / name
        file.write_text(f"#!/bin/sh\necho {name} \"$@\" >>'{self.root}/calls'\n{body}\n")
        file.chmod(0o755)

    def script(self, *steps: str) -> list[str]:
        """The command of a step, with tools of the test's."""
        lines = {
            "archive": "upload",
            "check": "check-archive",
            "back_up": "back-up",
            "clean": "clean-up",
            "restore": "restore-all",
        }
        functions = "".join(f'{name}() {{ {tool} "$@"; }}\n' for name, tool in lines.items())
        return ["/bin/sh", "-c", functions + backup.SCRIPT, "postgres-backup", *steps]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=False)

    def calls(self) -> list[str]:
        file = self.root / "calls"
        return file.read_text().splitlines() if file.exists() else []


def archived(pod: Pod, *names: str) -> list[subprocess.CompletedProcess[str]]:
    """What PostgreSQL is told of these files while the container beside it runs; it ends as the server ends."""
    with subprocess.Popen(pod.script("serve"), env=pod.environment, stdout=subprocess.DEVNULL) as beside:
        # A signal counts once the trap is set, which the first answer shows.
        done = [pod.run("/bin/sh", "-c", backup.ARCHIVE_SCRIPT, "archive", name) for name in names]
        beside.terminate()
        assert beside.wait(timeout=20) == 0
    return done


def test_postgresql_is_told_that_a_file_is_archived_once_the_store_has_it(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "")
    pod.tool("upload", "")
    assert [done.returncode for done in archived(pod, "0001", "0002")] == [0, 0]
    wal = pod.data / "pg_wal"
    assert pod.calls() == ["check-archive", f"upload {wal}/0001", f"upload {wal}/0002"]
    assert not list(pod.spool.iterdir())


def test_postgresql_is_told_why_a_file_is_not_archived(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "")
    pod.tool("upload", "echo 'no such bucket' >&2; exit 4")
    (done,) = archived(pod, "0001")
    assert done.returncode == 1
    assert "no such bucket" in done.stderr


def test_nothing_goes_into_a_folder_with_the_wal_of_another_life(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "echo 'Expected empty archive' >&2; exit 1")
    pod.tool("upload", "")
    (done,) = archived(pod, "0001")
    assert done.returncode == 1
    assert "Expected empty archive" in done.stderr
    assert pod.calls() == ["check-archive"]


def test_an_upload_that_outlives_the_wait_is_no_second_one(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "")
    pod.tool("upload", f"until [ -e '{tmp_path}/go' ]; do sleep 0.1; done")
    asks = ("/bin/sh", "-c", backup.ARCHIVE_SCRIPT.replace("-ge 600", "-ge 5"), "archive", "0001")
    with subprocess.Popen(pod.script("serve"), env=pod.environment, stdout=subprocess.DEVNULL) as beside:
        late = [pod.run(*asks) for _ in range(3)]
        (tmp_path / "go").touch()
        # What PostgreSQL does with the file once it knows that the store has it is none of the container's business.
        done = pod.run(*asks)
        time.sleep(1)
        beside.terminate()
        assert beside.wait(timeout=20) == 0
    assert {one.returncode for one in late} == {1}
    assert done.returncode == 0, done.stderr
    assert [call.split()[0] for call in pod.calls()] == ["check-archive", "upload"]
    assert not list(pod.spool.iterdir())


def test_the_end_of_an_upload_that_nobody_waited_for_is_the_next_calls_answer(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    (pod.spool / "0001.done").touch()
    (pod.spool / "0001.wanted").touch()
    pod.tool("check-archive", "")
    pod.tool("upload", "")
    (done,) = archived(pod, "0001")
    assert done.returncode == 0
    assert pod.calls() == []
    assert not list(pod.spool.iterdir())


@pytest.mark.parametrize("step", ["base", "serve"])
def test_no_base_backup_goes_into_the_folder_of_another_server(tmp_path: Path, step: str) -> None:
    pod = Pod(tmp_path)
    pod.environment["FIRST"] = "true"
    pod.tool("check-archive", f"echo 'Expected empty archive' >&2; touch '{tmp_path}/checked'; exit 1")
    pod.tool("back-up", "")
    pod.tool("clean-up", "")
    with subprocess.Popen(pod.script(step), env=pod.environment, stdout=subprocess.DEVNULL) as beside:
        for _ in range(100):
            if (tmp_path / "checked").exists():
                break
            time.sleep(0.1)
        time.sleep(0.5)
        beside.terminate()
        assert (beside.wait(timeout=20) == 0) is (step == "serve")
    assert {call.split()[0] for call in pod.calls()} == {"psql", "check-archive"}
    assert not list(pod.data.parent.glob("*-into-*"))


def test_a_base_backup_is_followed_by_the_deletion_of_what_is_too_old(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "")
    pod.tool("back-up", "")
    pod.tool("clean-up", "")
    assert pod.run(*pod.script("base")).returncode == 0
    assert [call.split()[0] for call in pod.calls()] == ["psql", "check-archive", "back-up", "clean-up"]
    assert pod.run(*pod.script("base")).returncode == 0
    assert [call.split()[0] for call in pod.calls()[4:]] == ["psql", "back-up", "clean-up"], "the folder is its own now"


def test_a_failed_base_backup_fails_and_deletes_nothing(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("check-archive", "")
    pod.tool("back-up", "exit 3")
    pod.tool("clean-up", "")
    assert pod.run(*pod.script("base")).returncode != 0
    assert not any(call.startswith("clean-up") for call in pod.calls())


def test_a_server_that_follows_makes_no_base_backup(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.tool("psql", "echo t")
    assert pod.run(*pod.script("base")).returncode == 0
    assert [call.split()[0] for call in pod.calls()] == ["psql"]


def test_a_volume_with_data_is_not_recovered(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    done = pod.run(*pod.script("recover"))
    assert done.returncode == 0
    assert "has data" in done.stdout
    assert pod.calls() == []


def test_the_keys_are_in_a_file_that_nobody_else_reads_and_in_no_variable() -> None:
    assert "umask 077" in backup.SCRIPT
    assert "export AWS_SECRET" not in backup.SCRIPT
