"""Rotations of a standby that is not alone: watched, with External Secrets down, and over many numbers at once."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.rotation.rotate import Rotation, Rotator
from lab.stacks import rotations
from tests.lab.checkout import Checkout
from tests.lab.claim_logs import wait_until_said
from tests.lab.lab import Lab
from tests.lab.outages import stalled

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"
FOREIGN = ("my-link", "standby-from-vault-x")
DATE = 20261126
"""A number as people choose who rotate by the calendar."""


@pytest.fixture(scope="module")
def checkout(lab: Lab, copy_checkout: Callable[..., Checkout]) -> Iterator[Checkout]:
    """Two standbys of one primary, up; `site-c` lives beside `site-b` in a namespace of its own."""
    found = copy_checkout()
    found.change("site-a", "standbys.site-c", {"rotation": 1})
    site_b = yaml.safe_load((found.root / "Pulumi.site-b.yaml").read_text())
    (found.root / "Pulumi.site-c.yaml").write_text(yaml.safe_dump(site_b))
    found.change("site-c", "cluster.namespace", "rhsi-c")
    found.up()
    yield found
    (lab.home.root / rotations.FILE).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def foreign(lab: Lab, checkout: Checkout) -> dict[tuple[str, str], str]:
    """What others made beside the claim's own objects: (kind, name) -> uid."""
    assert checkout.outputs("site-b")["link"]
    client, made = lab.connect("site-b"), {}
    secret = {
        "type": "kubernetes.io/tls",
        "data": dict.fromkeys(("tls.crt", "tls.key"), base64.b64encode(b"x").decode()),
    }
    link = {
        "spec": {"cost": 1, "tlsCredentials": "x", "endpoints": [{"name": "inter-router", "host": "x", "port": "1"}]}
    }
    for name in FOREIGN:
        for version, kind, body in (("v1", "Secret", secret), (SKUPPER, "Link", link)):
            kinds = client.resources.get(api_version=version, kind=kind)
            manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}
            made[kind, name] = kinds.create(body=manifest, namespace="rhsi").metadata.uid
    links = client.resources.get(api_version=SKUPPER, kind="Link")
    made["Link of site-c", "standby-from-vault-1"] = links.get(
        name="standby-from-vault-1", namespace="rhsi-c"
    ).metadata.uid
    return made


def uids(lab: Lab, version: str, kind: str, namespace: str = "rhsi") -> dict[str, str]:
    found = lab.connect("site-b").resources.get(api_version=version, kind=kind).get(namespace=namespace)
    return {item.metadata.name: item.metadata.uid for item in found.items}


def is_untouched(lab: Lab, foreign: dict[tuple[str, str], str]) -> bool:
    there = {("Link", name): uid for name, uid in uids(lab, SKUPPER, "Link").items()}
    there |= {("Secret", name): uid for name, uid in uids(lab, "v1", "Secret").items()}
    there |= {("Link of site-c", name): uid for name, uid in uids(lab, SKUPPER, "Link", "rhsi-c").items()}
    return foreign.items() <= there.items()


def claimed(lab: Lab) -> list[str]:
    """The names of site-b's claimed Links."""
    return sorted(name for name in uids(lab, SKUPPER, "Link") if name not in FOREIGN)


def position(events: list[dict[str, Any]], kind: str, name: str, what: str, *, ready: bool = False) -> int:
    wanted = (kind, name, what, ready)
    return next(
        index
        for index, event in enumerate(events)
        if (event["kind"], event["name"], event["what"], event["ready"]) == wanted
    )


def test_three_rotations_in_a_row_are_never_without_a_ready_link_and_leave_one_of_each(
    lab: Lab, checkout: Checkout, foreign: dict[tuple[str, str], str]
) -> None:
    first = int(claimed(lab)[0].rpartition("-")[2]) + 1
    command = [sys.executable, "-m", "lab", "rotate", "--standby", "site-b", "--times", "3", "--json"]
    done = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result["rotation"] for result in results] == [first, first + 1, first + 2]
    for result in results:
        number = result["rotation"]
        new, old = f"standby-from-vault-{number}", f"standby-from-vault-{number - 1}"
        assert result["without_ready_link_ms"] == 0
        assert result["standing"] == {
            "AccessGrant": [f"rhsi-site-b-grant-{number}"],
            **{kind: [new] for kind in ("AccessToken", "Link", "Secret")},
        }
        events = result["events"]
        granted = position(events, "AccessGrant", f"rhsi-site-b-grant-{number}", "changed", ready=True)
        assert granted < position(events, "AccessGrant", f"rhsi-site-b-grant-{number - 1}", "deleted")
        assert position(events, "Link", new, "changed", ready=True) < position(events, "Link", old, "deleted")
        assert position(events, "Secret", old, "deleted") > position(events, "Secret", new, "created", ready=True)
    assert claimed(lab) == [f"standby-from-vault-{first + 2}"]
    assert is_untouched(lab, foreign)
    assert checkout.rotation() == 1, "the stack file is the user's"
    for stack in ("site-a", "site-b"):
        assert checkout.run("preview", stack, "--expect-no-changes", "--refresh").code == 0


def test_a_rotation_while_external_secrets_does_nothing_ends_well_once_it_goes_on(
    lab: Lab, checkout: Checkout, foreign: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    before = claimed(lab)
    results: list[Rotation] = []
    with (
        (tmp_path / "up.log").open("w") as output,
        Rotator(lab.environment, ["site-b"], output=output, checkout=checkout.root) as rotator,
    ):
        rotation = threading.Thread(target=lambda: results.extend(rotator.rotate()))
        # A server that is dead would end the rotation at once.
        with stalled(lab, "external-secrets-site-b"):
            rotation.start()
            wait_until_said(lab, "Waiting for Secret rhsi-link-token to exist...")
            assert claimed(lab) == before, "the old link stays"
            assert uids(lab, SKUPPER, "AccessToken") == {}, "nothing is claimed with the old Secret"
        rotation.join()
    assert results, (tmp_path / "up.log").read_text()
    assert results[0].ok, results[0].document()
    assert claimed(lab) == [f"standby-from-vault-{results[0].rotation}"]
    assert is_untouched(lab, foreign)


def test_a_jump_over_many_rotations_leaves_nothing_of_the_old_link(
    lab: Lab, checkout: Checkout, foreign: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    (old,) = claimed(lab)
    rotations.save(lab.home, {"site-b": DATE})
    checkout.up("site-a", "site-b")
    assert claimed(lab) == [f"standby-from-vault-{DATE}"]
    assert old not in uids(lab, "v1", "Secret")
    with (
        (tmp_path / "up.log").open("w") as output,
        Rotator(lab.environment, ["site-b"], output=output, checkout=checkout.root) as rotator,
    ):
        (result,) = rotator.rotate()
    assert result.ok, result.document()
    assert is_untouched(lab, foreign)
