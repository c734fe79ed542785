"""The whole life of operators that OLM installs: from clusters that have nothing, through what goes wrong, to the end.

The tests tell one story on one bare lab, in the order of this file, with the rights of deploy/ only.
"""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import environment
from lab.environment import CONTEXTS
from lab.home import Home, LabError
from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.kinds import EXTERNAL_SECRET, NAMESPACE, SECRET
from lab.stand_ins.olm.kinds import CATALOG_SOURCE, MARKETPLACE, OPERATOR_GROUP, SUBSCRIPTION
from lab.stand_ins.skupper.api import LINK
from tests.lab.bare import Bare, bare_lab
from tests.lab.kubectl import command
from tests.lab.lab import Lab
from tests.lab.waiting import eventually, until

pytestmark = pytest.mark.lab

OPERATORS = "openshift-operators"
FIRST, NEXT, BETWEEN, LAST = (f"skupper-operator.v{version}-rh-1" for version in ("2.1.2", "2.1.3", "2.2.0", "2.2.1"))
THEIRS = "cloudnative-pg"
UNREACHABLE = "mirror.example.com/index:v1"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    with bare_lab(tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("rights")) as found:
        yield found


def subscription(name: str, source: str = "redhat-operators") -> Manifest:
    spec = {"name": name, "channel": "stable-v1", "source": source, "sourceNamespace": MARKETPLACE}
    return {"metadata": {"name": name}, "spec": spec}


def test_a_bare_lab_has_nothing_but_what_openshift_brings_and_stays_bare(bare: Bare) -> None:
    for context in CONTEXTS:
        assert bare.groups(context) == {"operators.coreos.com", "packages.operators.coreos.com", "route.openshift.io"}
    home = Home(bare.environment.root)
    assert environment.load(home) == bare.environment
    with pytest.raises(LabError, match="was started bare: run `python -m lab down`"):
        environment.start(home)


def test_an_operator_of_somebody_else_is_refused_before_olm_is_asked_for_anything(bare: Bare) -> None:
    # In a namespace of their own: nothing of it may change until the end.
    api, checkout = bare.api("site-a"), bare.checkout
    api.create(NAMESPACE, None, {"metadata": {"name": "theirs"}})
    api.create(OPERATOR_GROUP, "theirs", {"metadata": {"name": "theirs"}, "spec": {}})
    api.create(SUBSCRIPTION, "theirs", subscription(THEIRS, "certified-operators"))
    until(lambda: "Succeeded" in bare.versions("site-a", "theirs").values())
    before = checkout.value("site-a", "edb")
    checkout.change("site-a", "edb", {**before, "enabled": True, "operator": "community"})
    checkout.change("site-a", "operators.database", {"enabled": True})
    text = bare.refused("site-a")
    assert f"Subscription theirs/{THEIRS} is for the package {THEIRS} too, so the operator is somebody else's" in text
    assert "Remove rhsi:operators.database from the settings" in text
    assert bare.subscriptions("site-a") == {THEIRS}
    assert bare.present("site-a", NAMESPACE, None, "cnpg-system") is None
    checkout.change("site-a", "edb", before)
    checkout.change("site-a", "operators.database", {"enabled": False})


def test_what_no_catalogue_gives_is_told_with_what_it_has_and_what_it_cannot_pull(bare: Bare) -> None:
    api, checkout = bare.api("site-a"), bare.checkout
    spec = {"sourceType": "grpc", "image": UNREACHABLE}
    api.create(CATALOG_SOURCE, MARKETPLACE, {"metadata": {"name": "mine"}, "spec": spec})
    checkout.change("site-a", "networkObserver.enabled", True)
    observer = {"enabled": True, "namespace": "observer-operator", "channel": "stable-9"}
    checkout.change("site-a", "operators.networkObserver", observer)
    checkout.change("site-a", "operators.skupper", {"enabled": True, "source": "mine"})
    text = bare.refused("site-a")
    assert f"CatalogSource {MARKETPLACE}/mine cannot be pulled: ImagePullBackOff of {UNREACHABLE}" in text
    assert "has no channel stable-9, it has stable-2, stable-2.1, stable-2.2" in text
    api.delete(CATALOG_SOURCE, MARKETPLACE, "mine")
    checkout.change("site-a", "operators.networkObserver", {"enabled": True, "namespace": "observer-operator"})


def test_what_keeps_a_namespace_from_being_resolved_is_told_in_olms_words(bare: Bare) -> None:
    bare.api("site-a").create(SUBSCRIPTION, OPERATORS, subscription("nothing"))
    skupper = {"enabled": True, "channel": "stable-2.1", "approval": "Manual", "startingCSV": FIRST}
    bare.checkout.change("site-a", "operators.skupper", skupper)
    text = bare.refused("site-a")
    assert f"OLM cannot resolve Subscription {OPERATORS}/skupper-operator: constraints not satisfiable: " in text
    assert "no operators found in package nothing in the catalog referenced by subscription nothing" in text
    bare.api("site-a").delete(SUBSCRIPTION, OPERATORS, "nothing")


def test_an_installation_waits_for_the_approval_that_the_sentence_tells(bare: Bare) -> None:
    text = bare.refused("site-a")
    assert f"({FIRST}) waits for approval. Approve it by" in text
    assert not bare.versions("site-a")
    assert "skupper.io" not in bare.groups("site-a")
    # Now of the wrong install mode as well.
    group = bare.api("site-a").get(OPERATOR_GROUP, OPERATORS, "global-operators")
    assert group
    bare.api("site-a").replace(OPERATOR_GROUP, {**group, "spec": {"targetNamespaces": ["theirs"]}})
    bare.obey("site-a", text, "patch")


def test_a_version_that_fails_is_told_with_its_reason(bare: Bare) -> None:
    text = bare.refused("site-a")
    said = "SingleNamespace InstallModeType not supported, cannot configure to watch one namespace"
    assert f"ClusterServiceVersion {OPERATORS}/{FIRST} failed: UnsupportedOperatorGroup: {said}" in text
    group = bare.api("site-a").get(OPERATOR_GROUP, OPERATORS, "global-operators")
    assert group
    bare.api("site-a").replace(OPERATOR_GROUP, {**group, "spec": {}})


def test_one_up_a_stack_leads_to_a_link_that_is_ready(bare: Bare) -> None:
    bare.checkout.up("site-a", "site-b")
    assert bare.checkout.outputs("site-b")["link_status"] == "Ready"
    assert bare.versions("site-a") == {FIRST: "Succeeded"}, "with Manual approval it stays at its first version"
    assert bare.versions("site-b") == {LAST: "Succeeded"}


def test_another_up_changes_nothing(bare: Bare) -> None:
    for stack in CONTEXTS:
        done = bare.checkout.run("preview", stack, "--expect-no-changes")
        assert done.code == 0, done.text


def test_the_network_observer_shows_both_sites(bare: Bare) -> None:
    url = bare.checkout.outputs("site-a")["network_observer"]["url"]
    assert url == "https://network-observer-rhsi.apps.site-a.lab"
    lab = Lab(
        home=Home(bare.environment.root),
        environment=bare.environment,
        kubeconfig=Path(bare.environment.kubeconfig),
        contexts=CONTEXTS,
        vault_addr=bare.environment.vault_addr,
        vault_token="",
        vault_cacert=Path(),
    )
    forward = [*command(lab, "site-a", "-n", "rhsi", "port-forward"), "service/network-observer", ":443"]
    with subprocess.Popen(forward, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        port = line.partition("127.0.0.1:")[2].partition(" ")[0]
        names = eventually(lambda: sites(port))
        process.terminate()
    assert names == {"rhsi-primary", "rhsi-standby"}


def sites(port: str) -> set[str]:
    """The sites that the observer behind this port knows, without a look at its certificate, as port-forward has it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/api/v2alpha1/sites", timeout=5, context=context) as answer:
        return {one["name"] for one in json.load(answer)["results"]}


def test_a_changed_channel_upgrades_the_operator_and_the_link_stays(bare: Bare) -> None:
    pinned = {"enabled": True, "channel": "stable-2.2", "approval": "Manual", "startingCSV": BETWEEN}
    bare.checkout.change("site-a", "operators.skupper", pinned)
    # The next version of the former channel has been waiting since the first one came, and goes on waiting.
    text = bare.refused("site-a")
    assert f"but channel stable-2.2 has no {NEXT}" in text
    bare.obey("site-a", text, "delete")
    text = bare.refused("site-a")
    assert f"({LAST}) waits for approval, but rhsi:operators.skupper.startingCSV is {BETWEEN}" in text
    assert bare.versions("site-a") == {FIRST: "Succeeded"}
    bare.checkout.change("site-a", "operators.skupper", {"enabled": True, "channel": "stable-2.2"})
    bare.obey("site-a", bare.refused("site-a"), "patch")
    bare.checkout.up("site-a")
    assert bare.versions("site-a") == {LAST: "Succeeded"}
    (link,) = bare.api("site-b").list(LINK, "rhsi")
    assert conditions.is_true(link["status"], "Ready")


def test_a_removed_operator_leaves_its_kinds_and_what_everybody_has_of_them(bare: Bare) -> None:
    bare.checkout.change("site-b", "operators.externalSecrets", {"enabled": False})
    bare.checkout.up("site-b")
    assert bare.subscriptions("site-b") == {"skupper-operator"}
    until(lambda: bare.present("site-b", NAMESPACE, None, "external-secrets-operator") is None)
    assert {"external-secrets.io", "operator.openshift.io"} <= bare.groups("site-b")
    assert bare.present("site-b", EXTERNAL_SECRET, "rhsi", "rhsi-link-token")
    assert bare.present("site-b", SECRET, "rhsi", "rhsi-link-token")


def test_the_end_of_both_stacks_leaves_kinds_and_other_peoples_operators(bare: Bare) -> None:
    bare.checkout.destroy("site-a", "site-b")
    for context in CONTEXTS:
        assert "skupper.io" in bare.groups(context)
        assert bare.versions(context) == {LAST: "Succeeded"}, "in a shared namespace it runs on for everybody else"
    assert bare.subscriptions("site-a") == {THEIRS}
    assert "Succeeded" in bare.versions("site-a", "theirs").values()
    assert "postgresql.cnpg.io" in bare.groups("site-a")


def test_what_is_left_of_a_subscription_is_told_and_the_other_order_of_the_end_works_too(bare: Bare) -> None:
    # External Secrets runs on, without an operator of this stack.
    checkout = bare.checkout
    checkout.change("site-a", "networkObserver.enabled", False)
    checkout.change("site-a", "operators.networkObserver", {"enabled": False})
    text = bare.refused("site-a")
    assert f"ClusterServiceVersion {OPERATORS}/{LAST} is left from an earlier Subscription" in text
    bare.obey("site-a", text, "delete")
    checkout.up("site-a")
    # On the other site it moves to a namespace of its own, which is another way to meet what is left.
    checkout.change("site-b", "operators.skupper", {"enabled": True, "namespace": "skupper-operator"})
    text = bare.refused("site-b")
    assert f"ClusterServiceVersion skupper-operator/{LAST} failed: InterOperatorGroupOwnerConflict" in text
    assert f"kubectl -n {OPERATORS} delete" in text
    bare.obey("site-b", text, "delete")
    checkout.up("site-b")
    assert checkout.outputs("site-b")["link_status"] == "Ready"
    checkout.destroy("site-b", "site-a")
    for context in CONTEXTS:
        assert "skupper.io" in bare.groups(context)
    assert bare.subscriptions("site-a") == {THEIRS}
    assert bare.subscriptions("site-b") == set()
