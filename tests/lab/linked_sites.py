"""Two linked sites, for tests that break the link on purpose: what stands, what the user types, what must hold after.

Owns the rotation and the settings of both stacks during such tests, and the way back to a good state. What is broken
and how that is told is each test's own business.
"""

import base64
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import hvac
from kubernetes.dynamic import DynamicClient

from components.link.rotation import LINK_SECRET, grant_name, link_token_path, token_name
from lab import environment
from lab.kube import Manifest
from lab.rotation import objects
from tests.lab.checkout import Checkout, Result
from tests.lab.lab import Lab
from tests.lab.outages import down
from tests.lab.waiting import eventually

SKUPPER = "skupper.io/v2alpha1"
NAMESPACE, MOUNT, STANDBY = "rhsi", "rhsi", "site-b"
PATIENT, IMPATIENT = "90s", "6s"
"""How long a claim may take: one that is to succeed on a busy machine, and one whose time must run out."""

_ROTATE = re.compile(
    r"pulumi config set --path 'rhsi:standbys\.site-b\.rotation' (\d+) -s site-a"
    r" && pulumi up -s site-a && pulumi up -s site-b"
)


class Stage(Enum):
    """What stands of the two sites."""

    UNKNOWN = "a test is under way, or has failed"
    NOTHING = "nothing"
    GRANTED = "the primary with its grant; of the standby nothing that follows its first login at Vault"
    LINKED = "both, linked and settled"


_STACKS = {Stage.NOTHING: [], Stage.GRANTED: ["site-a"], Stage.LINKED: ["site-a", "site-b"]}


class LinkedSites:
    """site-a and site-b of one checkout, with their own idea of how long a claim may take.

    Args:
        lab: where they are.
        checkout: whose stacks they are.

    Attributes:
        stage: what stands, as far as is known; a test that is under way leaves it unknown until it says so itself.
    """

    def __init__(self, lab: Lab, checkout: Checkout) -> None:
        self.lab = lab
        self.checkout = checkout
        self.stage = Stage.NOTHING
        self.vault = hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert)).secrets.kv.v2
        self._clients = {context: lab.connect(context) for context in lab.contexts}
        checkout.change("site-b", "timeouts.claim", PATIENT)

    def begin(self, stage: Stage) -> "LinkedSites":
        """Bring the sites to the stage at which a test begins, whatever the test before it left."""
        if self.stage is not stage:
            environment.start(self.lab.home)
            self._clear(stage)
            for stack in _STACKS[stage]:
                self.checkout.up(stack)
        self.stage = Stage.UNKNOWN
        return self

    def _clear(self, stage: Stage) -> None:
        """Destroy what stands beyond the stage."""
        if self.stage is Stage.UNKNOWN:
            self.checkout.remove()
        elif self.stage is Stage.LINKED and stage is Stage.GRANTED:
            self.checkout.destroy("site-b")
        elif stage is Stage.NOTHING:
            self.checkout.destroy()

    # What stands.

    @property
    def rotation(self) -> int:
        """The number that the primary's stack file has."""
        return self.checkout.rotation(STANDBY)

    def client(self, context: str) -> DynamicClient:
        """The administrator of one cluster."""
        return self._clients[context]

    def kind(self, context: str, kind: str, api_version: str = SKUPPER) -> Any:
        """The verbs of one kind."""
        return self._clients[context].resources.get(api_version=api_version, kind=kind)

    def standing(self) -> dict[str, list[Manifest]]:
        """Every object of the link, by kind, whatever its rotation."""
        stacks = {stack.name: stack for stack in self.checkout.stacks()}
        primary, standby = stacks["site-a"], stacks["site-b"]
        found: dict[str, list[Manifest]] = {}
        for watched in objects.of(primary, standby):
            verbs = self.kind(watched.stack.context, watched.kind.name, watched.kind.api_version)
            items = verbs.get(namespace=NAMESPACE).to_dict()["items"]
            found[watched.kind.name] = [item for item in items if watched.has(item["metadata"]["name"])]
        return found

    def ready_links(self) -> list[str]:
        """The names of the claimed Links that are Ready."""
        return [link["metadata"]["name"] for link in self.standing()["Link"] if objects.is_ready("Link", link)]

    def published(self) -> dict[str, str]:
        """The credentials in Vault."""
        answer = self.vault.read_secret_version(
            link_token_path(STANDBY), mount_point=MOUNT, raise_on_deleted_version=True
        )
        token: dict[str, str] = answer["data"]["data"]
        return token

    def published_version(self) -> int:
        """How often they have been written."""
        metadata = self.vault.read_secret_metadata(link_token_path(STANDBY), mount_point=MOUNT)
        number: int = metadata["data"]["current_version"]
        return number

    def synced(self) -> dict[str, str]:
        """The credentials as External Secrets brought them to the standby."""
        secret = self.kind("site-b", "Secret", "v1").get(name=LINK_SECRET, namespace=NAMESPACE)
        return {key: base64.b64decode(value).decode() for key, value in secret.data.to_dict().items()}

    def state(self, stack: str) -> dict[str, Any]:
        """The state of a stack."""
        exported = self.checkout.pulumi("stack", "export", "--stack", stack)
        assert exported.code == 0, exported.text
        deployment: dict[str, Any] = json.loads(exported.text)["deployment"]
        return deployment

    # What is done to it.

    def next_rotation(self) -> None:
        """One more in the primary's stack file; nothing else happens yet."""
        self.checkout.next_rotation(STANDBY)

    def publish(self) -> None:
        """A grant of the next rotation, in Vault and not claimed yet."""
        self.next_rotation()
        self.checkout.up("site-a")

    def overwrite(self, **fields: str) -> None:
        """Change some of the credentials in Vault."""
        self.vault.create_or_update_secret(
            link_token_path(STANDBY), secret={**self.published(), **fields}, mount_point=MOUNT
        )

    @contextmanager
    def setting(self, stack: str, path: str, value: object, *, usual: object) -> Iterator[None]:
        """With another value of one setting; it is the usual one again afterwards."""
        self.checkout.change(stack, path, value)
        try:
            yield
        finally:
            self.checkout.change(stack, path, usual)

    def down(self, *parts: str) -> AbstractContextManager[None]:
        """Without the processes whose names begin so, such as `skupper`."""
        return down(self.lab, *parts)

    @contextmanager
    def claiming(self) -> Iterator[Future[Result]]:
        """An `up` of the standby beside what the test does meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.checkout.run, "up", "site-b")

    # What the user sees and types.

    def failed_claim(self, *, timeout: str = PATIENT) -> str:
        """What an `up` of the standby says that must fail, and must leave the link that is there alone."""
        before = self.ready_links()
        with self.setting("site-b", "timeouts.claim", timeout, usual=PATIENT):
            result = self.checkout.run("up", "site-b")
        assert result.code != 0, result.text
        assert self.ready_links() == before
        return result.text

    def rotate(self, told: str) -> None:
        """Type the commands of a rotation that the message spells out."""
        commands = _ROTATE.search(told)
        assert commands, told
        assert int(commands[1]) == self.rotation + 1
        self.publish()
        self.checkout.up("site-b")

    def oc(self, command: str) -> None:
        """Type `oc <command>` on the standby's cluster."""
        kubectl = [str(Path(sys.executable).with_name("kubectl")), "--context", "site-b"]
        done = subprocess.run([*kubectl, *shlex.split(command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    # What must hold.

    def assert_settled(self) -> None:
        """One of each, all of the present rotation, Ready; nothing is pending, and another `up` changes nothing."""
        eventually(self._assert_one_of_each)
        for stack in ("site-a", "site-b"):
            assert "pending_operations" not in self.state(stack)
            result = self.checkout.run("up", stack, "--expect-no-changes")
            assert result.code == 0, result.text
        eventually(self._assert_one_of_each)
        assert self.published()["rotation"] == str(self.rotation)
        assert self.checkout.outputs("site-b")["link"] == token_name(self.rotation)
        self.stage = Stage.LINKED

    def _assert_one_of_each(self) -> None:
        # The garbage collector takes a token soon after its Job, not at once.
        standing = self.standing()
        names = {kind: [item["metadata"]["name"] for item in items] for kind, items in standing.items()}
        link = token_name(self.rotation)
        assert names["AccessGrant"] == [grant_name(STANDBY, self.rotation)]
        assert names["Link"] == names["Secret"] == self.ready_links() == [link]
        # A claim that found the Link of an earlier one made no token.
        assert names["AccessToken"] in ([link], [])
        (job,) = standing["Job"]
        assert objects.is_ready("Job", job)
        owners = [owner["uid"] for token in standing["AccessToken"] for owner in token["metadata"]["ownerReferences"]]
        assert owners in ([job["metadata"]["uid"]], [])
