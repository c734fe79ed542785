"""The scripts of PostgreSQL's pods with real servers: a primary, a standby that follows it, and the smoke test.

No cluster takes part: each pod is its script with the variables that the program gives it, on a loopback address.
"""

import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.postgres import smoke_test, starting
from components.postgres.accounts import (
    APPLICATION_SECRET,
    APPLICATION_USER,
    REPLICATION_SECRET,
    REPLICATION_USER,
)
from components.postgres.pod import VERSION_SCRIPT, container, preparation
from components.postgres.replication import (
    SERVICE_FILE,
    primary_args,
    service_file,
    standby_args,
)
from components.postgres.shape import PostgresServerArgs
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
    fenced=False,
)
STANDBY_ARGS = standby_args(
    namespace="rhsi", shape=SHAPE, site="site-b", primary_parameters="", replication_secret=REPLICATION_SECRET
)
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
        own |= {one["name"]: one["value"] for one in preparation(self.args)["env"] if one["name"] == starting.VARIABLE}
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

    def start(self, step: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a container of the pod; what it prints is appended to the log."""
        command = {"prepare": preparation(self.args), "serve": container("postgres", self.args, step="serve")}
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(
                [*command[step]["command"], *arguments],
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
    def serving(self, *arguments: str) -> Iterator[None]:
        """Run the pod with these arguments until it answers, and stop it as Kubernetes does."""
        self.prepare()
        server = self.start("serve", *arguments)
        try:
            until(lambda: self.query("SELECT 1") == "1")
            yield
        finally:
            server.terminate()
            status = server.wait(timeout=30)
        assert status == 0, self.log()

    def unready(self) -> str:
        """What the readiness probe says that is wrong; nothing where the pod is ready."""
        done = subprocess.run(
            self.args.readiness["exec"]["command"],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            **IDENTITY,
        )
        assert bool(done.returncode) == bool(done.stdout), "a failure is explained"
        return str(done.stdout).strip()

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
    yield from standby_of(primary, root)


def standby_of(primary: Pod, root: Path) -> Iterator[Pod]:
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


@contextmanager
def probed(pod: Pod) -> Iterator[None]:
    """Ask again and again whether the pod is ready, as Kubernetes does."""
    over = threading.Event()

    def probe() -> None:
        while not over.wait(0.5):
            pod.unready()

    with ThreadPoolExecutor(1) as pool:
        probing = pool.submit(probe)
        try:
            yield
        finally:
            over.set()
    probing.result()


def smoke(primary: Pod, standby: Pod, seconds: int = 20) -> subprocess.CompletedProcess[str]:
    """Run the smoke test beside a standby that Kubernetes probes."""
    with probed(standby):
        return smoke_alone(primary, standby, seconds)


def smoke_alone(primary: Pod, standby: Pod, seconds: int = 20) -> subprocess.CompletedProcess[str]:
    """Run the smoke test, and nothing beside it."""
    args = smoke_test.SmokeTestArgs(
        namespace="rhsi",
        site="site-b",
        link="link-1",
        primary_parameters="",
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


def test_the_smoke_test_ends_once_the_probe_has_asked_a_standby_that_has_just_started(
    primary: Pod, standby: Pod
) -> None:
    with primary.serving(), standby.serving(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(smoke_alone, primary, standby)
        until(lambda: standby.query("SELECT count(*) FROM skupper_test") == "1")
        with pytest.raises(TimeoutError):
            running.result(timeout=2)
        assert standby.unready() == ""
        done = running.result(timeout=5)
        assert done.returncode == 0, done.stdout


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
        assert standby.unready() == "It receives no WAL.", "Ready says that it follows"
        with primary.serving():
            until(lambda: standby.unready() == "")


def test_a_standby_is_ready_while_it_follows_and_once_it_is_promoted(primary: Pod, standby: Pod) -> None:
    with primary.serving(), standby.serving():
        until(lambda: standby.unready() == "")
        standby.query("SELECT pg_wal_replay_pause()")
        until(lambda: standby.unready() == "It does not replay what it receives: replay is paused.")
        standby.query("SELECT pg_wal_replay_resume()")
        until(lambda: standby.unready() == "")
        standby.query("SELECT pg_promote()")
        assert standby.unready() == ""


def test_a_standby_with_less_than_its_primary_says_so_and_has_as_much_after_a_restart(
    primary: Pod, standby: Pod
) -> None:
    raised = ("-c", "max_connections=150", "-c", "max_prepared_transactions=20")
    with primary.serving():
        standby.prepare()
    with standby.serving(), primary.serving(*raised):
        until(lambda: standby.unready() == "It does not replay what it receives: replay is paused.")
        done = smoke(primary, standby, seconds=2)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == (
            f"Row 1 is on {primary.address}, but {standby.address} did not show it in 2 s: max_connections is 100 "
            f"there and 150 on {primary.address}, so that it stopped replaying. Type `kubectl delete pod "
            f"{standby.address}-0 -n rhsi`, after which it starts with as much; then run `pulumi up` again."
        )
    with primary.serving(*raised), standby.serving("-c", "max_connections=120"):
        until(lambda: standby.unready() == "")
        assert standby.query("SHOW max_connections") == "150"
        assert standby.query("SHOW max_prepared_transactions") == "20"
        assert smoke(primary, standby).returncode == 0
    with standby.serving("-c", "max_connections=180"):
        assert standby.query("SHOW max_connections") == "180", "its own, where that is more"


def test_a_standby_that_was_told_of_the_primarys_parameters_never_stops_replaying(primary: Pod, standby: Pod) -> None:
    told = {**standby.args.environment, "PRIMARY_PARAMETERS": "max_connections=150 max_worker_processes=4"}
    informed = dataclasses.replace(standby, args=dataclasses.replace(standby.args, environment=told))
    with primary.serving():
        informed.prepare()
    with informed.serving():
        assert informed.query("SHOW max_connections") == "150"
        assert informed.query("SHOW max_worker_processes") == "8", "it has more already"
        with primary.serving("-c", "max_connections=150"):
            assert smoke(primary, informed).returncode == 0
            until(lambda: informed.unready() == "")
    assert "insufficient parameter settings" not in informed.log()


def test_a_promoted_standby_has_what_its_own_settings_say(primary: Pod, standby: Pod) -> None:
    with primary.serving("-c", "max_connections=150"), standby.serving():
        assert standby.query("SHOW max_connections") == "150"
        assert standby.query("SELECT pg_promote()") == "t"
    with standby.serving():
        assert standby.query("SHOW max_connections") == "100"


def test_a_failed_smoke_test_says_what_keeps_the_standby_from_replaying(primary: Pod, standby: Pod) -> None:
    def told() -> str:
        done = smoke(primary, standby, seconds=1)
        assert done.returncode == 1
        last = done.stdout.splitlines()[-1]
        assert f" is on {primary.address}, but {standby.address} did not show it in 1 s: " in last
        assert last.endswith("then run `pulumi up` again.")
        return last

    with primary.serving():
        with standby.serving():
            until(lambda: streaming(primary))
            standby.query("SELECT pg_wal_replay_pause()")
            assert "somebody paused its replay. Type `kubectl exec " in told()
            standby.query("SELECT pg_wal_replay_resume()")
            standby.query("SELECT pg_promote()")
            assert "it was promoted, and follows nobody. Is that meant, set rhsi:postgres.promoted to true." in told()
        assert "and its slot site_b on 127." in told()
        for _ in range(6):
            primary.query("SELECT pg_logical_emit_message(false, '', repeat('x', 1000000)); SELECT pg_switch_wal()")
        primary.query("CHECKPOINT")
        assert "its slot site_b is lost, for it was away longer than rhsi:postgres.maxSlotWalKeepSize lasts" in told()


def test_a_promoted_standby_stays_promoted(primary: Pod, standby: Pod) -> None:
    with primary.serving():
        standby.prepare()
    with standby.serving():
        assert standby.query("SELECT pg_promote()") == "t"
    with standby.serving():
        assert standby.query("SELECT pg_is_in_recovery()") == "f"


@pytest.mark.parametrize("major", [17, 18])
def test_newer_versions_replicate_alike_and_a_pod_of_another_one_does_not_start(major: int) -> None:
    with (
        readable_folder(postgresql(Silent(), major)) as folder,
        contextmanager(pod)(folder, PRIMARY_ARGS) as primary,
        contextmanager(standby_of)(primary, folder) as standby,
    ):
        with primary.serving(), standby.serving():
            assert smoke(primary, standby).returncode == 0
            assert standby.query("SHOW server_version_num").startswith(str(major))
        assert version_check(standby, major) == ""
        assert f"The data on this volume is PostgreSQL {major}'s, and rhsi:postgres.version is 16" in version_check(
            standby, 16
        )


def version_check(pod: Pod, version: int) -> str:
    """What the container before all others says of a pod's volume."""
    done = subprocess.run(
        ["/bin/sh", "-c", VERSION_SCRIPT],
        env={**pod.environment(), "VERSION": str(version)},
        capture_output=True,
        text=True,
        check=False,
        **IDENTITY,
    )
    assert bool(done.returncode) == bool(done.stdout)
    return str(done.stdout)


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
