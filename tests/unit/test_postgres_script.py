"""The server's script on its own, with stand-ins for PostgreSQL's programs that record their calls.

What the script makes of real servers is tested in tests/lab/test_postgres_pods.py.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from components.postgres.pod import SCRIPT

PASSWORD = "-".join(["quite", "secret", "password"])
RECORD = "#!/bin/sh\n{{ printf '%s ' \"${{0##*/}}\" \"$@\"; echo; }} >>'{root}/calls'\n"
SERVER = """
import pathlib, signal, sys
for one in signal.SIGINT, signal.SIGTERM:
    signal.signal(one, lambda number, frame: sys.exit(number))
pathlib.Path("{root}/serving").touch()
signal.pause()
"""
STAND_INS = {
    "initdb": 'for option; do case "$option" in --pgdata=*) mkdir "${option#--pgdata=}" ;; esac; done\n',
    "pg_ctl": "",
    "sleep": "exec /bin/sleep 0.05\n",
    "psql": "cat >'{root}/statements'\n",
    "pg_basebackup": 'for option; do case "$option" in --pgdata=*) mkdir "${option#--pgdata=}" ;; esac; done\n',
    # No shell: it could not hear a signal that it was started deaf to, as every background process is.
    "postgres": f"exec {sys.executable} -c '{SERVER}'\n",
}


class Pod:
    """One pod's script, volume and mounted Secrets, with stand-ins for the image's programs."""

    def __init__(self, root: Path, role: str) -> None:
        self.root, self.role, self.primary_parameters = root, role, ""
        self.data = root / "data" / "pgdata"
        self.data.parent.mkdir()
        self.programs = root / "bin"
        self.programs.mkdir()
        for program in ("cat", "chmod", "id", "mkdir", "mv", "rm"):
            (self.programs / program).symlink_to(str(shutil.which(program)))
        for program, body in STAND_INS.items():
            self.stand_in(program, body)
        for user in ("application", "replication"):
            (root / user).mkdir()
            (root / user / "username").write_text(user)
            (root / user / "password").write_text(PASSWORD)

    def stand_in(self, program: str, body: str) -> None:
        """Put a program into PATH that records its calls and then does this."""
        file = self.programs / program
        file.unlink(missing_ok=True)
        file.write_text(RECORD.format(root=self.root) + body.replace("{root}", str(self.root)))
        file.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a step as its container does."""
        environment = {
            "PATH": str(self.programs),
            "HOME": str(self.root),
            "ROLE": self.role,
            "PGDATA": str(self.data),
            "PGHOST": str(self.root),
            "POD_IP": "10.1.2.3",
            "APPLICATION": str(self.root / "application"),
            "REPLICATION": str(self.root / "replication"),
            "DATABASE": "app",
            "WAL_KEEP": "4GB",
            "SLOT": "site_b",
            "SERVICE": "postgres-primary",
            "PRIMARY_PARAMETERS": self.primary_parameters,
            "PGSERVICEFILE": str(self.root / "pg_service.conf"),
        }
        return subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT, "postgres-server", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a step to its end; its exit status and what it printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=20)
        return process.returncode, printed

    def calls(self, program: str = "") -> list[str]:
        """The command lines so far, or those of one program."""
        file = self.root / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.split()[0] == (program or line.split()[0])]


def becomes(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    holds = retry(retry=retry_if_result(lambda held: not held), stop=stop_after_delay(20), wait=wait_fixed(0.05))
    holds(condition)()


@pytest.fixture
def primary(tmp_path: Path) -> Pod:
    return Pod(tmp_path, "primary")


@pytest.fixture
def standby(tmp_path: Path) -> Pod:
    return Pod(tmp_path, "standby")


def test_a_database_cluster_is_made_once_and_roles_are_applied_at_every_start(primary: Pod) -> None:
    for _ in range(2):
        assert primary.run("prepare")[0] == 0
    assert len(primary.calls("initdb")) == 1
    assert len(primary.calls("psql")) == 2
    assert primary.data.is_dir()


def test_an_interrupted_initdb_is_done_anew(primary: Pod) -> None:
    left = primary.data.with_name("pgdata.new")
    left.mkdir()
    (left / "half").touch()
    assert primary.run("prepare")[0] == 0
    assert not left.exists()
    assert not (primary.data / "half").exists()


def test_no_password_is_in_an_argument_or_in_what_is_printed(primary: Pod) -> None:
    status, printed = primary.run("prepare")
    assert status == 0
    assert PASSWORD not in printed
    assert not any(PASSWORD in call for call in primary.calls())
    assert PASSWORD not in (primary.root / "statements").read_text(), "psql itself reads the files"


def test_everybody_beyond_the_socket_needs_a_password(primary: Pod) -> None:
    primary.run("prepare")
    rules = [line.split() for line in (primary.data / "pg_hba.conf").read_text().splitlines() if line[0] != "#"]
    assert {tuple(rule) for rule in rules if rule[0] == "local"} == {("local", "all", "all", "trust")}
    assert {rule[-1] for rule in rules if rule[0] != "local"} == {"scram-sha-256"}


def test_a_failure_stops_the_private_server_and_is_told(primary: Pod) -> None:
    primary.stand_in("psql", "echo 'ERROR:  out of patience' >&2; exit 3\n")
    status, printed = primary.run("prepare")
    assert status == 3
    assert "out of patience" in printed
    assert [call.split()[1] for call in primary.calls("pg_ctl")] == ["start", "stop"]


def test_a_user_without_a_name_is_told_what_to_set(primary: Pod) -> None:
    primary.stand_in("id", 'case "$1" in -un) exit 1 ;; *) echo 12345 ;; esac\n')
    status, printed = primary.run("prepare")
    if any(Path("/usr").glob("lib*/**/libnss_wrapper.so")):
        pytest.skip("this machine has nss_wrapper, which gives the user a name")
    assert status == 1
    assert printed.endswith(
        "UID 12345 has no name in this image, which initdb needs: set rhsi:postgres.runAsUser to the UID of the "
        "image's postgres user.\n"
    )
    assert not primary.data.exists()


def test_a_copied_standby_is_left_alone(standby: Pod) -> None:
    standby.data.mkdir()
    assert standby.run("prepare") == (0, "The standby is prepared.\n")
    assert not standby.calls("pg_basebackup")
    assert not (standby.data / "standby.signal").exists(), "it may have been promoted"


def test_a_copy_counts_only_once_it_is_whole(standby: Pod) -> None:
    fails_once = "[ -e {root}/tried ] || { : >{root}/tried; exit 1; }\n"
    standby.stand_in("pg_basebackup", STAND_INS["pg_basebackup"] + fails_once)
    status, printed = standby.run("prepare")
    assert status == 0, printed
    assert printed.count("Copying the primary...") == 2
    assert (standby.data / "standby.signal").exists()
    assert not standby.data.with_name("pgdata.new").exists()


def test_each_reason_for_waiting_is_told_once(standby: Pod) -> None:
    standby.stand_in("psql", "echo 'could not translate host name'; [ -e {root}/link ]\n")
    process = standby.start("prepare")
    becomes(lambda: len(standby.calls("psql")) > 2)
    (standby.root / "link").touch()
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert printed.count("Waiting for the primary: could not translate host name") == 1


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_pod_shuts_the_server_down_fast(primary: Pod, sent: signal.Signals) -> None:
    primary.data.mkdir()
    process = primary.start("serve")
    becomes((primary.root / "serving").exists)
    process.send_signal(sent)
    process.communicate(timeout=20)
    assert process.returncode == signal.SIGINT, "the server ended with the number of the signal that it got"


def test_the_server_listens_on_the_pods_address_and_takes_the_users_parameters_last(primary: Pod) -> None:
    primary.data.mkdir()
    primary.stand_in("postgres", "exit 7\n")
    assert primary.run("serve", "-c", "work_mem=64MB")[0] == 7
    (call,) = primary.calls("postgres")
    assert "listen_addresses=10.1.2.3 " in call
    assert call.endswith("-c max_slot_wal_keep_size=4GB -c work_mem=64MB ")


def test_a_standby_follows_the_primary_of_its_service_file(standby: Pod) -> None:
    standby.data.mkdir()
    standby.stand_in("postgres", "exit 0\n")
    standby.run("serve")
    (call,) = standby.calls("postgres")
    assert "primary_conninfo=service=postgres-primary application_name=site_b" in call
    assert "primary_slot_name=site_b" in call


CONTROL_DATA = """cat <<'EOF'
pg_control version number:            1300
max_connections setting:              300
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           5
max_locks_per_xact setting:           64
track_commit_timestamp setting:       off
EOF
"""
# What the server would have by its configuration, and by the arguments after it.
CONFIGURED = """
found=0
for option; do
  case "$option" in -C) asked=1 ;; max_worker_processes=12) [ "$name" != max_worker_processes ] || found=12 ;; esac
  case "$option" in max_connections | max_w* | max_p* | max_l*) name=${name:-$option} ;; esac
done
[ -z "$asked" ] || { echo "$found"; exit; }
"""


def test_a_standby_has_as_much_as_its_primarys_stack_and_the_wal_say(standby: Pod) -> None:
    standby.data.mkdir()
    (standby.data / "standby.signal").touch()
    standby.primary_parameters = "max_connections=200 max_worker_processes=12"
    standby.stand_in("pg_controldata", CONTROL_DATA)
    standby.stand_in("postgres", CONFIGURED)
    assert standby.run("serve", "-c", "work_mem=64MB")[0] == 0
    *_, call = standby.calls("postgres")
    own, added = call.split("-c work_mem=64MB ")
    assert "primary_slot_name=site_b" in own
    assert added.split() == [
        *("-c", "max_connections=200", "-c", "max_worker_processes=12", "-c", "max_connections=300"),
        *("-c", "max_wal_senders=10", "-c", "max_prepared_transactions=5", "-c", "max_locks_per_transaction=64"),
    ]


def test_a_step_that_does_not_exist_is_refused(primary: Pod) -> None:
    assert primary.run("repair") == (1, "There is no step 'repair' of a 'primary'.\n")
    assert not list(primary.data.parent.iterdir())
