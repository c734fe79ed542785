"""Two environments, two owners, on one pair of clusters and one Vault: whatever happens to one, the other stays.

Both have the same names wherever a person may choose one. The second one's whole life is compared with what the first
one has: objects, everything in Vault, and rows.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import hvac
import psycopg
import pytest

from lab.kube import Manifest, connect
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.second_pair import NAMESPACE as OTHERS_NAMESPACE
from tests.lab.second_pair import PRIMARY, STANDBY, SecondPair
from tests.lab.vault_contents import contents
from tests.lab.waiting import eventually

pytestmark = pytest.mark.lab

NAMESPACE = "rhsi"
SERVERS = {"site-a": "postgres-primary", "site-b": "postgres-standby"}
KINDS = {
    "skupper.io/v2alpha1": ("Site", "AccessGrant", "AccessToken", "Link", "Connector", "Listener"),
    "external-secrets.io/v1": ("SecretStore", "ExternalSecret"),
    "apps/v1": ("StatefulSet",),
    "batch/v1": ("Job",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "v1": ("Secret", "ConfigMap", "ServiceAccount", "Service", "PersistentVolumeClaim", "Pod"),
}
SERVED_ON_STANDBYS = "external-secrets.io/v1"


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@pytest.fixture(scope="module")
def first(copy_checkout: Callable[..., Checkout]) -> Checkout:
    """The first environment, with a streaming database and a row of its application."""
    checkout = copy_checkout()
    checkout.change("site-a", "postgres", {"enabled": True})
    checkout.change("site-b", "postgres", {"enabled": True})
    checkout.up()
    ask("site-a", "CREATE TABLE kept AS SELECT 'the first environment' AS whose")
    eventually(lambda: rows("site-b"))
    return checkout


def own(manifest: Manifest) -> Any:
    """What is the same as long as nobody writes it: everything but what controllers say of it."""
    metadata = {key: manifest["metadata"].get(key) for key in ("name", "uid", "generation", "annotations", "labels")}
    # External Secrets and the claim leave times there.
    metadata["annotations"] = sorted(metadata["annotations"] or {})
    return metadata, {key: value for key, value in manifest.items() if key not in ("metadata", "status")}


def objects() -> dict[str, str]:
    """Everything in the first environment's namespaces, as text by its place."""
    found = {}
    for context in SERVERS:
        client = connect(context)
        for api_version, kinds in KINDS.items():
            if api_version == SERVED_ON_STANDBYS and context == "site-a":
                continue
            for kind in kinds:
                for item in client.resources.get(api_version=api_version, kind=kind).get(namespace=NAMESPACE).items:
                    place = f"{context} {kind} {item.metadata.name}"
                    found[place] = json.dumps(own(item.to_dict()), sort_keys=True, default=str)
    return found


def ask(context: str, statement: str) -> list[Any]:
    """What the application is answered by the first environment's server on a cluster."""
    client = connect(context)
    pod = client.resources.get(api_version="v1", kind="Pod").get(name=f"{SERVERS[context]}-0", namespace=NAMESPACE)
    secret = client.resources.get(api_version="v1", kind="Secret").get(name="postgres-application", namespace=NAMESPACE)
    password = base64.b64decode(secret.data.password).decode()
    where = {"host": pod.status.podIP, "user": "appuser", "password": password, "dbname": "app"}
    with psycopg.connect(**where, connect_timeout=5) as connection:
        answer = connection.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def rows(context: str) -> list[Any]:
    return ask(context, "SELECT * FROM kept")


def test_the_whole_life_of_a_second_environment_leaves_the_first_one_as_it_was(
    first: Checkout, vault: hvac.Client
) -> None:
    before, in_vault, kept = objects(), contents(vault), {context: rows(context) for context in SERVERS}
    assert kept["site-a"] == kept["site-b"] == [("the first environment",)]

    def assert_untouched() -> None:
        assert {place: text for place, text in objects().items() if place in before} == before
        assert {path: value for path, value in contents(vault).items() if path in in_vault} == in_vault
        assert {context: rows(context) for context in SERVERS} == kept
        for stack in ("site-a", "site-b"):
            result = first.run("up", stack, "--expect-no-changes")
            assert result.code == 0, result.text

    pair = SecondPair.add(first, vault={"mount": "rhsi-test"})
    try:
        pair.up()
        assert_untouched()
        first.change(PRIMARY, "standbys.site-b.rotation", 2)
        pair.up()
        assert_untouched()
        first.change(PRIMARY, "revoke", 1)
        pair.up()
        assert pair.checkout.outputs(STANDBY)["rotation"] == 3
        assert_untouched()
        # By the wrong stack: the first one's namespace is refused to the second, whatever its settings say.
        first.change(STANDBY, "cluster.namespace", NAMESPACE)
        assert pair.run("up", STANDBY).code != 0
        first.change(STANDBY, "cluster.namespace", OTHERS_NAMESPACE)
        pair.up()
        assert_untouched()
        pair.destroy()
        assert_untouched()
    finally:
        pair.remove()
    assert objects() == before
    assert contents(vault) == in_vault
