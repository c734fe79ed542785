"""The script that changes a running server, and the one that refuses data of another version, with stand-ins.

kubectl and postgres record what they are asked, and answer what a test says.

What real servers make of the statements is tested in tests/lab/test_two_standbys.py.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from components.postgres import upkeep
from components.postgres.pod import VERSION_SCRIPT

PASSWORD = "-".join(["it's", "quite", "secret"])
PARAMETERS = "max_connections=300 max_wal_senders=10"
# Answers with the file whose name is in the statements, and with nothing where none is.
KUBECTL = """#!/bin/sh
printf '%s ' "$@" >>'{root}/arguments'
statements=$(cat)
printf '%s\\n' "$statements" >>'{root}/statements'
for file in '{root}'/answers/*; do
  [ -e "$file" ] || continue
  read -r words <"$file"
  case "$statements" in *"$words"*) { read -r _; cat; } <"$file"; exit ;; esac
done
"""


class Job:
    """One run's folder: programs, Secrets, and what the server is to answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        (root / "answers").mkdir()
        for program in ("cat", "date"):
            (root / "bin" / program).symlink_to(str(shutil.which(program)))
        self.program("kubectl", KUBECTL.replace("{root}", str(root)))
        self.program("sleep", "#!/bin/sh\n")
        for folder, user in (("postgres-user-orders-app", "orders_app"), ("application", "appuser")):
            (root / folder).mkdir()
            (root / folder / "username").write_text(user)
            (root / folder / "password").write_text(PASSWORD)

    def program(self, name: str, text: str) -> None:
        file = self.root / "bin" / name
        file.write_text(text)
        file.chmod(0o755)

    def answer(self, words: str, answer: str) -> None:
        """What is answered to statements with these words; the first that fits, by the order of the calls."""
        number = len(list((self.root / "answers").iterdir()))
        (self.root / "answers" / f"{number:02}").write_text(f"{words}\n{answer}\n")

    def run(self, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", "-c", upkeep.SCRIPT.replace("/secrets", str(self.root))],
            env={
                "PATH": str(self.root / "bin"),
                "HOME": str(self.root),
                "TIMEOUT_SECONDS": "1000",
                "NAMESPACE": "rhsi",
                "SERVER": "postgres-primary",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not done.stderr
        return done.returncode, done.stdout

    def statements(self) -> str:
        return (self.root / "statements").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_what_nobody_asks_for_is_not_done(job: Job) -> None:
    assert job.run() == (0, "postgres-primary is what the stack says.\n")
    assert "ALTER" not in job.statements()


def test_statements_reach_psql_in_the_servers_pod_by_stdin(job: Job) -> None:
    job.run()
    arguments = (job.root / "arguments").read_text()
    assert arguments.startswith("exec -i postgres-primary-0 -n rhsi -c postgres -- psql --no-psqlrc --dbname=postgres ")


def test_a_password_is_quoted_and_in_no_argument_and_in_nothing_that_is_printed(job: Job) -> None:
    job.answer("SELECT count(*) FROM pg_roles", "0")
    status, printed = job.run(USERS="postgres-user-orders-app")
    assert (status, printed.splitlines()[0]) == (0, "User orders_app has the password of its Secret.")
    assert "'it''s-quite-secret'" in job.statements()
    assert job.statements().count("SET log_statement = 'none';") == job.statements().count("client_min_messages")
    assert "secret" not in printed.replace("Secret", "") + (job.root / "arguments").read_text()


def test_a_role_of_somebody_elses_is_refused_and_gets_no_password(job: Job) -> None:
    job.answer("SELECT count(*) FROM pg_roles", "1")
    status, printed = job.run(USERS="postgres-user-orders-app")
    assert status == 1
    assert printed.splitlines()[-1].startswith(
        "postgres-primary has a role 'orders_app' that this program did not make"
    )
    assert "PASSWORD" not in job.statements()


def test_the_programs_own_roles_are_not_made_anew(job: Job) -> None:
    assert job.run(USERS="application", OWN="application")[0] == 0
    assert "CREATE ROLE" not in job.statements()
    assert "ALTER ROLE" in job.statements()


def test_a_database_of_another_owner_stays_and_is_told_of(job: Job) -> None:
    job.answer("CREATE DATABASE", "appuser")
    status, printed = job.run(DATABASES="orders=orders_app")
    assert status == 1
    assert printed.splitlines()[-1].startswith(
        "Database orders belongs to appuser, not to orders_app. Write appuser as"
    )
    assert job.run(DATABASES="orders=appuser")[0] == 0


def test_a_standby_is_promoted_once_its_primary_sends_nothing(job: Job) -> None:
    job.answer("pg_stat_wal_receiver", "0")
    job.answer("pg_is_in_recovery", "t")
    job.answer("pg_promote", "t")
    job.answer("ALTER SYSTEM", "00000002")
    status, printed = job.run(PROMOTE="1", WAL_KEEP="4GB", PARAMETERS=PARAMETERS)
    assert (status, printed.splitlines()[0]) == (0, "postgres-primary takes writes, on timeline 00000002.")
    for setting in ("max_slot_wal_keep_size = '4GB'", "max_connections = 300", "max_wal_senders = 10"):
        assert f"ALTER SYSTEM SET {setting};\n" in job.statements(), "a promoted server has them after a restart too"


def test_a_standby_whose_primary_sends_it_wal_is_not_promoted(job: Job) -> None:
    job.answer("pg_stat_wal_receiver", "1")
    job.answer("pg_is_in_recovery", "t")
    status, printed = job.run(PROMOTE="1", WAL_KEEP="4GB", PARAMETERS=PARAMETERS)
    assert status == 1
    assert "is not promoted: its primary still runs and sends it WAL" in printed.splitlines()[-1]
    assert "pg_promote" not in job.statements()
    assert job.statements().count("pg_stat_wal_receiver") > 60, "a dead connection is noticed after a minute"


def test_a_server_that_somebody_has_promoted_is_not_promoted_again(job: Job) -> None:
    job.answer("pg_is_in_recovery", "f")
    job.answer("ALTER SYSTEM", "00000002")
    assert job.run(PROMOTE="1", WAL_KEEP="4GB", PARAMETERS=PARAMETERS)[0] == 0
    assert "pg_promote" not in job.statements()


def test_slots_are_made_and_one_that_is_still_used_ends_the_run(job: Job) -> None:
    assert job.run(SLOTS="site_b site_c", RESERVE="false")[0] == 0
    assert "pg_create_physical_replication_slot('site_c', false)" in job.statements()
    assert "NOT active AND slot_name NOT IN ('', 'site_b', 'site_c')" in job.statements()
    job.answer("string_agg(slot_name", "site_d")
    status, printed = job.run(SLOTS="-", RESERVE="false")
    assert status == 1
    assert printed.splitlines()[-1].startswith("Slot site_d on postgres-primary is still used by a standby that")


def test_rules_that_the_server_does_not_take_are_not_loaded(job: Job) -> None:
    job.answer("pg_read_file", "t")
    job.answer("pg_hba_file_rules", "line 6: invalid authentication method")
    status, printed = job.run(ACCESS="abc")
    assert status == 1
    assert "does not take a rule of rhsi:postgres.pgHba (line 6: invalid authentication method)" in printed
    assert "pg_reload_conf" not in job.statements()


def test_a_server_of_another_version_is_told(job: Job) -> None:
    job.answer("server_version_num", "160004")
    assert job.run(VERSION="16")[0] == 0
    status, printed = job.run(VERSION="17")
    assert status == 1
    assert printed.splitlines()[-1].startswith("postgres-primary runs PostgreSQL 16, and rhsi:postgres.version is 17.")


def test_what_the_server_refuses_is_told_in_its_words(job: Job) -> None:
    refusing = (
        "#!/bin/sh\ncase $(cat) in *ROLE*) echo 'ERROR:  out of patience' >&2; echo 'exit 3' >&2; exit 3 ;; esac\n"
    )
    job.program("kubectl", refusing)
    status, printed = job.run(MONITOR="rhsi_monitor")
    assert status == 1
    assert printed == "postgres-primary refused: ERROR:  out of patience. Run `pulumi up` again once that is fixed.\n"


def test_a_server_that_does_not_answer_is_awaited_and_told(job: Job) -> None:
    job.program("kubectl", "#!/bin/sh\ncat >/dev/null\necho 'Error from server (NotFound): no pod' >&2\nexit 1\n")
    status, printed = job.run(TIMEOUT_SECONDS="0")
    assert status == 1
    assert printed.startswith(
        "postgres-primary does not answer (Error from server (NotFound): no pod). See its pod's log"
    )


@pytest.mark.parametrize(
    ("data", "image", "told"),
    [
        ("", "17.2", ""),
        ("17", "17.2 (Debian 17.2-1)", ""),
        ("18", "18beta1", "rhsi:postgres.version is 17"),
        (
            "16",
            "17.2",
            "The data on this volume is PostgreSQL 16's, and rhsi:postgres.version is 17, which does not read it.",
        ),
        ("17", "16.4", "The image has PostgreSQL 16, and rhsi:postgres.version is 17. Set both to the same version."),
    ],
)
def test_a_pod_of_another_version_than_its_data_or_its_stack_does_not_start(
    tmp_path: Path, data: str, image: str, told: str
) -> None:
    (tmp_path / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {image}'\n")
    (tmp_path / "postgres").chmod(0o755)
    if data:
        (tmp_path / "PG_VERSION").write_text(f"{data}\n")
    done = subprocess.run(
        ["/bin/sh", "-c", VERSION_SCRIPT],
        env={"PATH": str(tmp_path), "PGDATA": str(tmp_path), "VERSION": "17"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == bool(told)
    assert told in done.stdout
