"""Backups of the streaming database and its recovery, by docs/databases/streaming.md, with Barman and an S3 server.

The tests share one stack and are one story, in the order of this file: what is backed up, lost, recovered.
"""

import base64
from collections.abc import Callable

import pytest
import urllib3

from components.postgres.backup_schedule import NAME
from components.postgres.replication import PRIMARY
from lab.object_store import ObjectStore
from lab.progress import Silent
from lab.servers import object_store
from lab.servers.folder import locked
from lab.servers.supervisor import Supervisor
from lab.stand_ins.controller import kinds
from lab.stand_ins.controller.api import Api
from tests.lab import oc, runbook
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab
NAMESPACE = "rhsi"
BUCKET = "backups"
BACKUP = {"destinationPath": f"s3://{BUCKET}/rhsi", "credentials": "s3", "walCompression": "gzip", "walMaxParallel": 2}
FOLDER = "postgres-site-a"


class Story:
    """The primary's stack, its server, and the store."""

    def __init__(self, lab: Lab, checkout: Checkout) -> None:
        self.lab, self.checkout = lab, checkout
        self.api = Api(lab.connect("site-a"), "kubectl-edit")
        self.store = ObjectStore(lab.home)

    def oc(self, line: str) -> str:
        """A command of the runbook."""
        return oc.run(self.lab, "site-a", line.replace("oc --context site-a ", "oc "))

    def sql(self, statement: str) -> str:
        """What the superuser is answered in the server's pod, in the program's own database."""
        line = f'oc exec {PRIMARY}-0 -n {NAMESPACE} -c postgres -- psql -XAtq -d app -c "{statement}"'
        return oc.run(self.lab, "site-a", line).strip()

    def owner(self) -> str:
        """Of the user's own database; nobody where it is not there."""
        return self.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orders'")

    def request(self, method: str, path: str) -> str:
        """What the store answers."""
        with urllib3.PoolManager(ca_certs=str(self.store.authority.certificate)) as pool:
            return pool.request(method, f"{self.store.url}/{BUCKET}{path}").data.decode()

    def folder(self, server: str) -> str:
        """The names of all objects of a server's folder, as S3 lists them."""
        return self.request("GET", f"?list-type=2&prefix=rhsi/{server}/")

    def prepare_store(self) -> None:
        """What the store's administrator makes: the bucket, the keys and the authority."""
        with locked(self.lab.home, Silent()):
            object_store.ensure(Supervisor(self.lab.home, Silent()))
        self.request("PUT", "")
        keys = self.store.keys()
        authority = self.store.authority.certificate.read_text()
        for name, data in {
            "s3": {"ACCESS_KEY_ID": keys.identity, "ACCESS_SECRET_KEY": keys.secret},
            "lab-object-store-ca": {"ca.crt": authority},
        }.items():
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
            self.api.create(kinds.SECRET, NAMESPACE, {"metadata": {"name": name}, "data": encoded})

    def archived(self) -> None:
        """Wait until everything that was written is in the store."""
        written = self.sql("SELECT pg_walfile_name(pg_switch_wal())")

        def done() -> None:
            assert self.sql(f"SELECT last_archived_wal >= '{written}' FROM pg_stat_archiver") == "t"

        eventually(done)


@pytest.fixture(scope="module")
def story(lab: Lab, copy_checkout: Callable[..., Checkout]) -> Story:
    checkout = copy_checkout()
    checkout.change("site-a", "postgres", {"enabled": True})
    checkout.up("site-a")
    found = Story(lab, checkout)
    found.prepare_store()
    checkout.change("site-a", "postgres.backup", BACKUP)
    checkout.up("site-a")
    return found


def test_wal_is_archived_and_a_base_backup_is_made_at_once(story: Story) -> None:
    story.archived()

    def complete() -> None:
        assert "data.tar" in story.folder(FOLDER)
        assert "backed-up-into-" in story.oc(f"oc -n {NAMESPACE} exec {PRIMARY}-0 -c backup -- ls /data")

    eventually(complete)
    assert ".gz" in story.folder(FOLDER)


def test_a_base_backup_can_be_made_by_hand(story: Story) -> None:
    before = story.folder(FOLDER).count("backup.info")
    (line,) = runbook.commands("A base backup of the streaming database by hand")
    story.oc(line)

    def complete() -> None:
        job = story.api.get(kinds.JOB, NAMESPACE, f"{NAME}-by-hand")
        assert job
        assert job["status"].get("succeeded") == 1, job["status"]

    eventually(complete)
    assert story.folder(FOLDER).count("backup.info") == before + 1


def test_a_lost_server_comes_back_as_it_was_at_a_time(story: Story) -> None:
    insert = "INSERT INTO orders SELECT '{}' FROM generate_series(1, {})"
    story.sql("CREATE TABLE orders (life text)")
    story.sql(insert.format("before", 30))
    moment = story.sql("SELECT replace((clock_timestamp() AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'")
    story.sql(insert.format("after", 12))
    story.archived()
    story.checkout.change("site-a", "postgres.users", {"orders_app": {}})
    story.checkout.change("site-a", "postgres.databases", {"orders": {"owner": "orders_app"}})
    story.checkout.up("site-a")
    assert story.owner() == "orders_app"
    story.checkout.change("site-a", "postgres.recovery", {"serverName": FOLDER, "targetTime": moment})
    story.checkout.change("site-a", "postgres.backup.serverName", f"{FOLDER}-2")
    *delete, make = runbook.commands("The streaming database from backups")
    for line in delete:
        story.oc(line)
    assert make == "pulumi up -s site-a --refresh"
    result = story.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    assert story.sql("SELECT life, count(*) FROM orders GROUP BY life") == "before|30"
    assert story.owner() == "orders_app", "what is younger than the backup is made again"
    assert story.sql("SELECT pg_is_in_recovery(), timeline_id FROM pg_control_checkpoint()") == "f|2"


def test_a_recovered_server_archives_into_a_folder_of_its_own(story: Story) -> None:
    before = story.folder(FOLDER)
    story.sql("INSERT INTO orders VALUES ('new')")
    story.archived()
    eventually(lambda: _holds("data.tar" in story.folder(f"{FOLDER}-2")))
    assert story.folder(FOLDER) == before
    result = story.checkout.run("up", "site-a", "--expect-no-changes")
    assert result.code == 0, result.text


def test_what_a_server_on_a_new_volume_lacks_is_made_again(story: Story) -> None:
    story.sql("DROP DATABASE orders")
    story.sql("DROP ROLE orders_app")
    *delete, make = runbook.commands("A server that lost its volume")
    for line in delete:
        story.oc(line)
    assert make == "pulumi up -s site-a --refresh"
    result = story.checkout.run("up", "site-a", "--refresh")
    assert result.code == 0, result.text
    assert story.owner() == "orders_app"


def test_nothing_goes_into_the_folder_of_another_server(story: Story) -> None:
    """The folder of the first life, which this server did not begin."""
    before = story.folder(FOLDER)
    story.checkout.change("site-a", "postgres.recovery", {})
    story.checkout.change("site-a", "postgres.backup.serverName", FOLDER)
    story.checkout.up("site-a")

    def told() -> None:
        log = story.oc(f"oc -n {NAMESPACE} logs {PRIMARY}-0 -c backup")
        assert "Expected empty archive" in log
        assert "The first base backup failed" in log

    eventually(told)
    assert story.folder(FOLDER) == before


def _holds(found: bool) -> None:
    assert found
