"""`python -m ops doctor` on real servers: nothing to say of what works, and every breakage named, several at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.home import CHECKOUT
from lab.kube import Manifest
from lab.stacks import Runner
from tests.lab import operator_rights
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.outages import control_plane, down
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

RBAC = "rbac.authorization.k8s.io/v1"
STACKS = ("site-a", "site-b")


class Diagnosis:
    """What one run said."""

    def __init__(self, code: int, document: dict[str, Any]) -> None:
        self.code = code
        self.findings = [
            (one["stack"], finding["subject"], finding["state"], finding["sentence"])
            for one in document["stacks"]
            for finding in one["findings"]
        ]

    def sentences(self, state: str, stack: str = "", subject: str = "") -> list[str]:
        """Those of a state, of a stack and about a subject where they are given."""
        return [
            sentence
            for where, what, how, sentence in self.findings
            if how == state and stack in ("", where) and subject in ("", what)
        ]


def doctor(checkout: Checkout, **environment: str) -> Diagnosis:
    """Look at both stacks as a person does in the lab's shell, with other variables where they are given."""
    runner = Runner(checkout.environment, checkout.root)
    runner.prepare(checkout.stacks())
    named = [argument for stack in STACKS for argument in ("-s", stack)]
    done = subprocess.run(
        [sys.executable, "-m", "ops", "doctor", "--json", "-C", str(runner.project), *named],
        cwd=CHECKOUT,
        env={**runner.environ(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return Diagnosis(done.returncode, json.loads(done.stdout))


@pytest.fixture(scope="module")
def operated(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Stacks of which nothing stands, looked at with exactly the rights of deploy/."""
    rights = operator_rights.operator(
        lab.environment, tmp_path_factory.mktemp("operator"), {"site-a": ["rhsi"], "site-b": ["rhsi"]}
    )
    return copy_checkout(rights)


def bindings(lab: Lab, context: str) -> Any:
    return lab.connect(context).resources.get(api_version=RBAC, kind="RoleBinding")


def test_before_the_first_up_the_rights_of_deploy_are_just_enough(operated: Checkout) -> None:
    found = doctor(operated)
    assert found.sentences("error") == []
    assert found.code == 0
    for stack in STACKS:
        assert found.sentences("ok", stack, "rights"), found.findings
        assert found.sentences("ok", stack, "vault rights"), found.findings
    (peer,) = found.sentences("warning", "site-b", "peer")
    assert "has no outputs yet" in peer


def test_a_wrong_passphrase_is_told_before_there_is_anything_secret(operated: Checkout, tmp_path: Path) -> None:
    """`up` refuses it at once; the state has nothing yet that only the right one opens."""
    other = tmp_path / "passphrase"
    other.write_text("another one")
    found = doctor(operated, PULUMI_CONFIG_PASSPHRASE_FILE=os.fspath(other))
    for stack in STACKS:
        (refused,) = found.sentences("error", stack, "state")
        assert "incorrect passphrase" in refused


def test_rights_that_are_gone_and_names_that_others_have_are_told_together(operated: Checkout, lab: Lab) -> None:
    bound: Manifest = bindings(lab, "site-b").get(name="rhsi-operator", namespace="rhsi").to_dict()
    bindings(lab, "site-b").delete(name="rhsi-operator", namespace="rhsi")
    maps = lab.connect("site-a").resources.get(api_version="v1", kind="ConfigMap")
    owner = {"metadata": {"name": "rhsi-owner"}, "data": {"stack": "organization/rhsi/prod", "id": "0123456789abcdef"}}
    maps.create(body=owner, namespace="rhsi")
    sites = lab.connect("site-b").resources.get(api_version="skupper.io/v2alpha1", kind="Site")
    site = {"apiVersion": "skupper.io/v2alpha1", "kind": "Site", "metadata": {"name": "rhsi-standby"}, "spec": {}}
    sites.create(body=site, namespace="rhsi")
    try:
        found = doctor(operated)
    finally:
        maps.delete(name="rhsi-owner", namespace="rhsi")
        sites.delete(name="rhsi-standby", namespace="rhsi")
        kept = {key: bound["metadata"][key] for key in ("name", "namespace")}
        bindings(lab, "site-b").create(body={**bound, "metadata": kept}, namespace="rhsi")
    assert found.code == 1
    lost = found.sentences("error", "site-b", "rights")
    assert "This login may not create, patch, delete sites.skupper.io in namespace rhsi." in lost
    (refused,) = found.sentences("error", "site-a", "names")
    assert "belongs to the stack organization/rhsi/prod" in refused
    (taken,) = found.sentences("warning", "site-b", "names")
    assert "Site rhsi/rhsi-standby exists and is not this stack's" in taken
    assert found.sentences("error", "site-a", "rights") == []


def test_two_sites_that_are_linked_are_healthy(operated: Checkout) -> None:
    operated.up()
    found = doctor(operated)
    assert found.sentences("error") == []
    assert found.code == 0
    (ways, grants) = found.sentences("ok", "site-b", "ways")
    assert "Vault the API server reached" in ways
    assert "Link standby-from-vault-1 is Ready" in grants
    assert found.sentences("ok", "site-b", "peer")
    assert found.sentences("ok", "site-b", "clocks")
    assert found.sentences("ok", "site-a", "grants")
    # What they have made themselves is nobody else's.
    for stack in STACKS:
        assert found.sentences("ok", stack, "names"), found.findings
        assert found.sentences("ok", stack, "vault names"), found.findings


def test_several_breakages_are_all_named_in_one_run(operated: Checkout, lab: Lab, tmp_path: Path) -> None:
    operated.change("site-b", "timeouts.claim", "soon")
    other = tmp_path / "passphrase"
    other.write_text("another one")
    try:
        with down(lab, *control_plane("site-a")):
            found = doctor(operated, VAULT_TOKEN="no-token", PULUMI_CONFIG_PASSPHRASE_FILE=os.fspath(other))
    finally:
        operated.change("site-b", "timeouts.claim", "5m")
    assert found.code == 1
    (mistake,) = found.sentences("error", "site-b", "settings")
    assert mistake.startswith("rhsi:timeouts.claim is")
    (away,) = found.sentences("error", "site-a", "cluster")
    assert "Context site-a does not answer" in away
    (token,) = found.sentences("error", "site-a", "vault")
    assert "VAULT_TOKEN cannot be used" in token
    (state,) = found.sentences("error", "site-a", "state")
    assert "incorrect passphrase" in state
    assert found.sentences("ok", "site-a", "vault"), "Vault itself answers"


def test_a_sealed_or_absent_vault_hides_nothing_of_the_clusters(operated: Checkout, lab: Lab) -> None:
    with down(lab, "openbao"):
        found = doctor(operated)
    until(lambda: doctor(operated).code == 0)
    for stack in STACKS:
        (away,) = found.sentences("error", stack, "vault")
        assert "does not answer" in away
        assert found.sentences("ok", stack, "cluster")
        assert found.sentences("ok", stack, "rights")
