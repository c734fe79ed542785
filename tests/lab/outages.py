"""Outages to order: servers that are down or stall, commands begun and left; and what must stand after them."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import hvac
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lab import environment
from lab.kube import Manifest
from lab.rotation import objects
from lab.rotation.rotate import chosen
from lab.servers import process
from lab.stacks import Runner
from tests.lab.checkout import Checkout, Result
from tests.lab.conftest import Lab

SECONDS = 180


def until(condition: Callable[[], object], what: str) -> None:
    """Return once the condition holds, which on a busy machine may take long."""
    try:
        Retrying(stop=stop_after_delay(SECONDS), wait=wait_fixed(0.1), retry=retry_if_result(lambda found: not found))(
            condition
        )
    except RetryError:
        raise AssertionError(f"not within {SECONDS} s: {what}") from None


def administrator(lab: Lab) -> hvac.Client:
    """Vault's administrator."""
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@contextmanager
def down(lab: Lab, *names: str) -> Iterator[None]:
    """These servers are killed; afterwards they are there again, with their addresses and data."""
    process.stop((one for one in lab.environment.processes() if one.name in names), grace=0)
    try:
        yield
    finally:
        environment.start(lab.home)


def control_plane(context: str) -> tuple[str, ...]:
    """The servers that a cluster is down without; its controllers would be minutes late alone."""
    return f"kube-apiserver-{context}", f"kube-controller-manager-{context}"


@contextmanager
def stalled(lab: Lab, name: str) -> Iterator[None]:
    """This server takes connections and answers nothing; afterwards it goes on where it was."""
    (server,) = (one for one in lab.environment.processes() if one.name == name)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@dataclass
class Begun:
    """A command that runs."""

    process: subprocess.Popen[str]
    output: IO[str]

    def outlasts(self, seconds: float) -> bool:
        """Whether it still runs after that time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self, number: signal.Signals | None = None) -> Result:
        """Signal it if a signal is given, and wait until it has ended."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        self.output.seek(0)
        return Result(code, self.output.read())


class Pair:
    """A checkout with the stacks of one primary, site-a, and one standby, site-b."""

    def __init__(self, lab: Lab, checkout: Checkout) -> None:
        self.lab = lab
        self.checkout = checkout
        self.change, self.run, self.pulumi, self.up = checkout.change, checkout.run, checkout.pulumi, checkout.up

    @property
    def rotation(self) -> int:
        """The rotation that the stack file asks for."""
        (primary, _) = self.checkout.stacks()
        return int(primary.section("standbys")["site-b"]["rotation"])

    def rotate(self) -> int:
        """Ask for the next rotation in the stack file."""
        self.change("site-a", "standbys.site-b.rotation", self.rotation + 1)
        return self.rotation

    def repair(self, name: str) -> Result:
        """`up` with a look at what really is."""
        result = self.run("up", name, "--refresh")
        assert result.code == 0, result.text
        return result

    def kind(self, context: str, kind: str, api_version: str = objects.SKUPPER) -> Any:
        """The administrator's verbs of one kind."""
        return self.lab.connect(context).resources.get(api_version=api_version, kind=kind)

    def edit(self, context: str, kind: str, name: str, body: Manifest, api_version: str = objects.SKUPPER) -> None:
        """Change an object as `oc edit` does."""
        self.kind(context, kind, api_version).patch(
            name=name,
            namespace="rhsi",
            body=body,
            content_type="application/merge-patch+json",
            field_manager="kubectl-edit",
        )

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let the standby's gates give up soon, for waits that are meant to be in vain."""
        self.change("site-b", "timeouts", {"claim": "8s", "secretStore": "8s"})
        try:
            yield
        finally:
            self.change("site-b", "timeouts", {})

    @contextmanager
    def beginning(self, action: str, name: str, *arguments: str) -> Iterator[Begun]:
        """Begin a command on a stack; one that the test leaves running is killed."""
        runner = Runner(self.checkout.environment, self.checkout.root)
        runner.prepare(self.checkout.stacks())
        (stack,) = [stack for stack in self.checkout.stacks() if stack.name == name]
        with (
            tempfile.TemporaryFile("w+") as output,
            subprocess.Popen(
                runner.line(action, stack, arguments),
                cwd=self.checkout.root,
                env=runner.environ(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            try:
                yield Begun(process, output)
            finally:
                process.kill()

    def found(self, context: str, kind: str, api_version: str = objects.SKUPPER) -> dict[str, Manifest]:
        """The objects of a kind in the site's namespace, by name."""
        items = self.kind(context, kind, api_version).get(namespace="rhsi").to_dict()["items"]
        return {item["metadata"]["name"]: item for item in items}

    def state(self, name: str) -> dict[str, Any]:
        """A stack's state."""
        exported = self.pulumi("stack", "export", "--stack", name)
        assert exported.code == 0, exported.text
        deployment: dict[str, Any] = json.loads(exported.text)["deployment"]
        return deployment

    def assert_sound(self) -> None:
        """One grant, one token, one Ready Link of the wanted rotation; nothing pending, nothing left to do."""
        for name in ("site-a", "site-b"):
            assert not self.state(name).get("pending_operations")
            again = self.run("up", name, "--expect-no-changes")
            assert again.code == 0, again.text
        until(lambda: self._standing() == self._wanted(), f"{self._standing()} is {self._wanted()}")
        (link,) = self.found("site-b", "Link").values()
        assert objects.is_ready("Link", link), link["status"]

    def _wanted(self) -> dict[str, list[str]]:
        claimed = [f"standby-from-vault-{self.rotation}"]
        return {
            "AccessGrant": [f"rhsi-site-b-grant-{self.rotation}"],
            **dict.fromkeys(("AccessToken", "Link", "Secret"), claimed),
        }

    def _standing(self) -> dict[str, list[str]]:
        primary, (standby,) = chosen(self.checkout.stacks(), [])
        counted = [watched for watched in objects.of(primary, standby) if watched.kind in objects.COUNTED]
        return {
            watched.kind: [
                name
                for name in self.found(watched.stack.context, watched.kind, watched.api_version)
                if watched.has(name)
            ]
            for watched in counted
        }
