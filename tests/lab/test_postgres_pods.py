"""The scripts of PostgreSQL's pods with real servers: a primary, a standby that follows it, and the smoke test.

No cluster takes part: each pod is its script with the variables that the program gives it, on a loopback address.
"""

import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.postgres import smoke_test
from components.postgres.database import APPLICATION_SECRET, REPLICATION_SECRET
from components.postgres.replication import (
    APPLICATION_USER,
    REPLICATION_USER,
    SERVICE_FILE,
    primary_args,
    service_file,
    standby_args,
)
from components.postgres.server import SCRIPT, PostgresServerArgs
from lab.binaries.postgresql import postgresql
from lab.progress import Silent
from tests.arguments import RUNTIME, postgres_shape
from tests.lab.unprivileged import IDENTITY, own_folder, readable_folder, write
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

SHAPE = postgres_shape(image="postgresql:16")
PRIMARY_ARGS = primary_args(
    namespace="rhsi",
    shape=SHAPE,
    application_secret=APPLICATION_SECRET,
    replication_secret=REPLICATION_SECRET,
    password_rotation=1,
    wal_keep="32MB",
    timeout="10m",
)
STANDBY_ARGS = standby_args(namespace="rhsi", shape=SHAPE, site="site-b", replication_secret=REPLICATION_SECRET)
# With everything that a shell, SQL and libpq would read otherwise.
PASSWORDS = {"application": "it's$(a)\\b\"`c`:;#", "replication": "=%[repl]'{{x}}\\"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pod:
    """A server's pod: its volume, sockets and Secrets in a folder, and its address."""

    args: PostgresServerArgs
    root: Path
    programs: Path
    address: str

    @property
    def data(self) -> Path:
        """The volume's folder with the database."""
        return self.root / "data" / "pgdata"

    def environment(self) -> dict[str, str]:
        """The variables that the program gives the pod, with this machine's folders in the place of the mounts."""
        own = {name: str(value).replace("/secrets", str(self.root)) for name, value in self.args.environment.items()}
        return {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "ROLE": self.args.role,
            "PGDATA": str(self.data),
            "PGHOST": str(self.root / "sockets"),
            "PGUSER": "postgres",
            "HOME": str(self.root / "tmp"),
            "POD_IP": self.address,
            **own,
        }

    def start(self, step: str) -> subprocess.Popen[bytes]:
        """Start a container of the pod; what it prints is appended to the log."""
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT, "postgres-server", step],
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                **IDENTITY,
            )

    def prepare(self) -> None:
        """Run the first container to its end."""
        assert self.start("prepare").wait(timeout=60) == 0, self.log()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the pod until it answers, and stop it as Kubernetes does."""
        self.prepare()
        server = self.start("serve")
        try:
            until(lambda: self.query("SELECT 1") == "1")
            yield
        finally:
            server.terminate()
            status = server.wait(timeout=30)
        assert status == 0, self.log()

    def query(self, statement: str, database: str = "app") -> str:
        """What a superuser in the pod is answered, or nothing where that fails."""
        line = [str(self.programs / "psql"), "-XAtq", "-d", database, "-c", statement]
        done = subprocess.run(line, env=self.environment(), capture_output=True, text=True, check=False, **IDENTITY)
        return str(done.stdout).strip()

    def tell_passwords(self, primary: str, **passwords: str) -> None:
        """Put passwords into the mounted Secrets, as External Secrets makes them from the program's template."""
        users = {"application": (APPLICATION_USER, "app"), "replication": (REPLICATION_USER, "postgres")}
        for secret, password in passwords.items():
            user, database = users[secret]
            text = service_file(database).replace("postgres-primary", primary)
            text = text.replace("{{ .username }}", user).replace("{{ .password }}", password)
            for key, value in {"username": user, "password": password, SERVICE_FILE: text}.items():
                write(self.root / secret / key, value)

    def log(self) -> str:
        """Everything that the pod printed."""
        return (self.root / "log").read_text()


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with readable_folder(postgresql(Silent())) as folder:
        yield folder


@pytest.fixture
def primary(root: Path) -> Iterator[Pod]:
    yield from pod(root, PRIMARY_ARGS)


@pytest.fixture
def standby(root: Path, primary: Pod) -> Iterator[Pod]:
    args = STANDBY_ARGS
    # The primary's name is its address here.
    args = dataclasses.replace(args, environment={**args.environment, "SERVICE": primary.address})
    for made in pod(root, args):
        made.tell_passwords(primary.address, **PASSWORDS)
        yield made


def pod(root: Path, args: PostgresServerArgs) -> Iterator[Pod]:
    folder = own_folder(root, args.role)
    for name in ("data", "sockets", "tmp", "application", "replication"):
        own_folder(folder, name)
    address = ".".join(["127", *(str(secrets.choice(range(2, 251))) for _ in range(3))])
    made = Pod(args=args, root=folder, programs=root / "programs" / "bin", address=address)
    made.tell_passwords(address, **PASSWORDS)
    yield made
    shutil.rmtree(folder)


def smoke(primary: Pod, standby: Pod, seconds: int = 20) -> subprocess.CompletedProcess[str]:
    """Run the smoke test beside the standby."""
    args = smoke_test.SmokeTestArgs(
        namespace="rhsi",
        site="site-b",
        link="link-1",
        application_secret=APPLICATION_SECRET,
        runtime=dataclasses.replace(RUNTIME, seconds=seconds),
    )
    own = smoke_test.script_job(args).environment
    environment = {
        **{name: str(value).replace("/secrets", str(standby.root)) for name, value in own.items()},
        "PATH": f"{standby.programs}:/usr/bin:/bin",
        "HOME": str(standby.root),
        "TIMEOUT_SECONDS": str(seconds),
        "SERVICE": primary.address,
        "STANDBY": standby.address,
    }
    return subprocess.run(
        ["/bin/sh", "-c", smoke_test.SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **IDENTITY,
    )


def streaming(primary: Pod) -> bool:
    return primary.query("SELECT application_name, state FROM pg_stat_replication") == "site_b|streaming"


def test_a_row_goes_to_the_primary_and_comes_back_to_the_standby_which_only_reads(primary: Pod, standby: Pod) -> None:
    with primary.serving(), standby.serving():
        done = smoke(primary, standby)
        assert done.returncode == 0, done.stdout
        assert done.stdout.splitlines()[-1] == (
            f"Row 1 went to {primary.address} through Link link-1 and came back to {standby.address}."
        )
        assert "site-b-via-skupper" in done.stdout
        assert standby.query("SELECT pg_is_in_recovery(), count(*) FROM skupper_test") == "t|1"
        assert primary.query("SELECT slot_name, active FROM pg_replication_slots") == "site_b|t"
        assert primary.query("SELECT tableowner FROM pg_tables WHERE tablename = 'skupper_test'") == APPLICATION_USER
        for text in (done.stdout, primary.log(), standby.log()):
            assert not any(password in text for password in PASSWORDS.values())


def test_a_primary_listens_on_the_pods_own_address_and_asks_everybody_for_a_password(primary: Pod) -> None:
    with primary.serving():
        assert primary.query("SHOW listen_addresses") == primary.address
        line = [str(primary.programs / "psql"), f"host={primary.address} user=postgres dbname=app", "-wXc", "SELECT 1"]
        done = subprocess.run(
            line, env={"HOME": "/nonexistent"}, capture_output=True, text=True, check=False, **IDENTITY
        )
        assert "no password supplied" in done.stderr


def test_a_failed_smoke_test_says_which_half_failed(primary: Pod, standby: Pod) -> None:
    nobody = smoke(primary, standby, seconds=1)
    assert nobody.returncode == 1
    assert nobody.stdout.splitlines()[-1].startswith(
        f"{primary.address} could not be written to through Link link-1 in 1 s: psql: error: connection to server at "
    )
    with primary.serving():
        alone = smoke(primary, standby, seconds=1)
    assert alone.returncode == 1
    last = alone.stdout.splitlines()[-1]
    assert last.startswith(
        f"Row 1 is on {primary.address}, but {standby.address} did not show it in 1 s: psql: error: "
    )
    assert last.endswith("then run `pulumi up` again.")


def test_new_passwords_need_a_restart_of_the_primary_and_none_of_the_standby(primary: Pod, standby: Pod) -> None:
    with primary.serving():
        standby.prepare()
    with standby.serving():
        renewed = {"application": "another-application", "replication": "another-replication"}
        primary.tell_passwords(primary.address, **renewed)
        with primary.serving():
            until(lambda: "password authentication failed" in standby.log())
            standby.tell_passwords(primary.address, **renewed)
            until(lambda: streaming(primary))
            assert smoke(primary, standby).returncode == 0


def test_a_standby_waits_for_its_primary_and_tells_why(primary: Pod, standby: Pod) -> None:
    preparing = standby.start("prepare")
    until(lambda: "Waiting for the primary: psql: error: connection to server at" in standby.log())
    with primary.serving():
        assert preparing.wait(timeout=30) == 0, standby.log()
        with standby.serving():
            until(lambda: streaming(primary))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_copy_starts_anew(primary: Pod, standby: Pod, sent: signal.Signals) -> None:
    with primary.serving():
        primary.query("CREATE TABLE big AS SELECT repeat('x', 900) FROM generate_series(1, 200000)")
        copying = standby.start("prepare")
        until((standby.data.with_name("pgdata.new") / "base").is_dir)
        os.killpg(copying.pid, sent)
        copying.wait(timeout=30)
        assert not standby.data.exists(), "half a copy is none"
        with standby.serving():
            assert standby.query("SELECT count(*) FROM big") == "200000"
            assert primary.query("SELECT count(*) FROM pg_replication_slots") == "1"


def test_the_primary_keeps_what_a_standby_missed_up_to_its_limit(primary: Pod, standby: Pod) -> None:
    with primary.serving():
        standby.prepare()
        primary.query("CREATE TABLE missed AS SELECT 1 AS one")
        with standby.serving():
            until(lambda: standby.query("SELECT one FROM missed") == "1")
        for _ in range(6):
            primary.query("SELECT pg_logical_emit_message(false, '', repeat('x', 1000000)); SELECT pg_switch_wal()")
        primary.query("CHECKPOINT")
        assert primary.query("SELECT wal_status FROM pg_replication_slots") == "lost"
        shutil.rmtree(standby.data)
        with standby.serving():
            until(lambda: streaming(primary))


def test_a_standby_serves_while_its_primary_is_gone(primary: Pod, standby: Pod) -> None:
    with primary.serving():
        standby.prepare()
    with standby.serving():
        assert standby.query("SELECT pg_is_in_recovery()") == "t"


def test_a_promoted_standby_stays_promoted(primary: Pod, standby: Pod) -> None:
    with primary.serving():
        standby.prepare()
    with standby.serving():
        assert standby.query("SELECT pg_promote()") == "t"
    with standby.serving():
        assert standby.query("SELECT pg_is_in_recovery()") == "f"


def test_a_stopped_server_does_not_wait_for_its_clients_and_needs_no_recovery(primary: Pod) -> None:
    with primary.serving():
        client = subprocess.Popen(
            [str(primary.programs / "psql"), "-XAtqd", "app", "-c", "SELECT pg_sleep(300)"],
            env=primary.environment(),
            stderr=subprocess.DEVNULL,
            **IDENTITY,
        )
        until(lambda: primary.query("SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_sleep.300'") != "0")
    assert client.wait(timeout=30) != 0
    with primary.serving():
        assert "was not properly shut down" not in primary.log()
