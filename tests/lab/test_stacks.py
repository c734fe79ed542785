"""The life of the link: previewed, provisioned, left alone, rotated, doubled, destroyed; with the operator's rights.

The tests share one lab and one checkout and follow one another as the days of a real stack would.
"""

from typing import Any

import hvac
import pytest
import yaml

from lab.kube import connect, find
from tests.lab import leaks
from tests.lab.checkout import Checkout
from tests.lab.conftest import Lab
from tests.lab.operator_rights import operator

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"


@pytest.fixture(scope="module")
def checkout(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    rights = operator(
        lab.environment, tmp_path_factory.mktemp("operator"), {"site-a": ["rhsi"], "site-b": ["rhsi", "rhsi-c"]}
    )
    return Checkout.copy(tmp_path_factory.mktemp("checkout"), rights)


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@pytest.fixture(scope="module")
def provisioned(checkout: Checkout) -> Checkout:
    checkout.up("site-a", "site-b")
    return checkout


def listed(context: str, kind: str, namespace: str = "rhsi", api_version: str = SKUPPER) -> list[dict[str, Any]]:
    found = connect(context).resources.get(api_version=api_version, kind=kind).get(namespace=namespace)
    return list(found.to_dict()["items"])


def names(context: str, kind: str, namespace: str = "rhsi") -> list[str]:
    return sorted(item["metadata"]["name"] for item in listed(context, kind, namespace))


def grant_secrets(vault: hvac.Client, site: str = "site-b") -> dict[str, str]:
    answer = vault.secrets.kv.v2.read_secret_version(
        f"{site}/link-token", mount_point="rhsi", raise_on_deleted_version=True
    )
    data: dict[str, str] = answer["data"]["data"]
    return data


def test_a_preview_of_nothing_shows_every_resource_and_changes_nothing(checkout: Checkout, vault: hvac.Client) -> None:
    for stack, shown in {
        "site-b": ["Site", "SecretStore", "ExternalSecret", "Job", "AuthBackendRole", "Policy", "RoleBinding"],
        "site-a": ["Site", "AccessGrant", "SecretV2", "Mount"],
    }.items():
        result = checkout.run("preview", stack)
        assert result.code == 0, result.text
        for kind in shown:
            assert f":{kind} " in result.text, f"{stack} shows its {kind}"
        assert "[unknown]" in result.text or "output<string>" in result.text
    assert names("site-a", "Site") == names("site-b", "Site") == []
    assert "rhsi/" not in vault.sys.list_mounted_secrets_engines()
    assert "kubernetes-site-b/" not in vault.sys.list_auth_methods()


def test_no_part_of_the_credentials_leaves_a_trace(checkout: Checkout, vault: hvac.Client, lab: Lab) -> None:
    with leaks.Watcher() as watcher:
        printed = "".join(checkout.run("up", stack).text for stack in ("site-a", "site-b"))
    token = grant_secrets(vault)
    code = token["code"]
    assert len(code) >= 24, "a real code of this run"
    assert any("lab.engine" in text or "pulumi" in text for text in watcher.seen), "the watcher saw the run"
    assert code not in printed
    assert not watcher.saw([code])
    assert leaks.files_with(lab.home, [code]) == []


def test_a_standbys_state_knows_neither_code_nor_url_nor_ca(provisioned: Checkout, vault: hvac.Client) -> None:
    token = grant_secrets(vault)
    parts = {field: token[field] for field in ("code", "url", "ca")}
    assert leaks.in_state(provisioned, "site-a", parts) == set(parts), "the search finds what is there"
    assert leaks.in_state(provisioned, "site-b", parts) == set()


def test_the_link_is_ready_and_leads_to_the_primary(provisioned: Checkout) -> None:
    (link,) = listed("site-b", "Link")
    assert link["metadata"]["name"] == "standby-from-vault-1"
    assert (link["status"]["status"], link["status"]["remoteSiteName"]) == ("Ready", "rhsi-primary")
    outputs = provisioned.outputs("site-b")
    assert outputs == {
        "site": "site-b",
        "skupper_site": "rhsi-standby",
        "namespace": "rhsi",
        "rotation": 1,
        "link": "standby-from-vault-1",
        "link_status": "Ready",
        "remote_site": "rhsi-primary",
        "exported_services": {},
        "imported_services": {},
    }


@pytest.mark.usefixtures("provisioned")
def test_the_access_token_belongs_to_the_job_that_made_it() -> None:
    (token,) = listed("site-b", "AccessToken")
    job = find(connect("site-b"), "batch/v1", "Job", "create-access-token-from-vault", "rhsi")
    assert job
    (owner,) = token["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", job["metadata"]["uid"])


@pytest.mark.parametrize("arguments", [(), ("--refresh",)], ids=["plain", "refreshed"])
@pytest.mark.parametrize("stack", ["site-a", "site-b"])
def test_a_second_run_changes_nothing(provisioned: Checkout, stack: str, arguments: tuple[str, ...]) -> None:
    result = provisioned.run("preview", stack, "--expect-no-changes", *arguments)
    assert result.code == 0, result.text


def test_a_grant_that_was_deleted_and_made_again_is_published_and_leaves_the_link(provisioned: Checkout) -> None:
    before = provisioned.outputs("site-a")["standbys"]["site-b"]["expires"]
    grants = connect("site-a").resources.get(api_version=SKUPPER, kind="AccessGrant")
    grants.delete(name="rhsi-site-b-grant-1", namespace="rhsi")
    assert provisioned.run("up", "site-a", "--refresh").code == 0
    after = provisioned.outputs("site-a")["standbys"]["site-b"]["expires"]
    assert after > before
    provisioned.up("site-b")
    assert names("site-b", "Link") == ["standby-from-vault-1"]


def test_a_second_standby_needs_configuration_only_and_leaves_the_first_alone(
    provisioned: Checkout, vault: hvac.Client
) -> None:
    (first,) = listed("site-b", "Link")
    provisioned.change("site-a", "standbys.site-c", {"rotation": 1})
    site_b = yaml.safe_load((provisioned.root / "Pulumi.site-b.yaml").read_text())
    (provisioned.root / "Pulumi.site-c.yaml").write_text(yaml.safe_dump(site_b))
    provisioned.change("site-c", "cluster.namespace", "rhsi-c")
    preview = provisioned.run("preview", "site-c")
    assert preview.code == 0, preview.text
    provisioned.up("site-a", "site-c")
    assert names("site-b", "Link", "rhsi-c") == ["standby-from-vault-1"]
    assert provisioned.run("preview", "site-b", "--expect-no-changes").code == 0
    (still,) = listed("site-b", "Link")
    assert still["metadata"]["uid"] == first["metadata"]["uid"]
    assert grant_secrets(vault, "site-c")["code"] != grant_secrets(vault)["code"]


def test_a_rotation_replaces_grant_and_link_and_leaves_one_of_each(provisioned: Checkout) -> None:
    provisioned.change("site-a", "standbys.site-b.rotation", 2)
    provisioned.up("site-a", "site-b")
    assert names("site-a", "AccessGrant") == ["rhsi-site-b-grant-2", "rhsi-site-c-grant-1"]
    assert names("site-b", "Link") == names("site-b", "AccessToken") == ["standby-from-vault-2"]
    secrets = [item["metadata"]["name"] for item in listed("site-b", "Secret", api_version="v1")]
    assert "standby-from-vault-2" in secrets
    assert "standby-from-vault-1" not in secrets
    assert names("site-b", "Link", "rhsi-c") == ["standby-from-vault-1"]
    assert provisioned.outputs("site-b")["rotation"] == 2


def test_a_failed_claim_says_what_to_do_and_the_next_rotation_mends_it(
    provisioned: Checkout, vault: hvac.Client
) -> None:
    provisioned.change("site-a", "standbys.site-b.rotation", 3)
    provisioned.up("site-a")
    token = grant_secrets(vault)
    vault.secrets.kv.v2.create_or_update_secret(
        "site-b/link-token", secret={**token, "code": "wrong"}, mount_point="rhsi"
    )
    failed = provisioned.run("up", "site-b")
    assert failed.code != 0
    assert "The grant server refused the code of rotation 3. Make a new grant: pulumi config set --path" in failed.text
    assert "'rhsi:standbys.site-b.rotation' 4 -s site-a && pulumi up -s site-a && pulumi up -s site-b" in failed.text
    assert names("site-b", "Link") == ["standby-from-vault-2"], "the old link stays until there is a new one"
    provisioned.change("site-a", "standbys.site-b.rotation", 4)
    provisioned.up("site-a", "site-b")
    assert names("site-b", "Link") == names("site-b", "AccessToken") == ["standby-from-vault-4"]
    assert provisioned.run("preview", "site-b", "--expect-no-changes").code == 0


def test_destroying_leaves_nothing_behind(provisioned: Checkout, vault: hvac.Client) -> None:
    for stack in ("site-a", "site-b", "site-c"):
        result = provisioned.run("destroy", stack)
        assert result.code == 0, result.text
    for context, namespace in (("site-a", "rhsi"), ("site-b", "rhsi"), ("site-b", "rhsi-c")):
        assert find(connect(context), "v1", "Namespace", namespace) is None
    assert "rhsi/" not in vault.sys.list_mounted_secrets_engines()
    assert not [path for path in vault.sys.list_auth_methods() if path.startswith("kubernetes-")]
    assert not [policy for policy in vault.sys.list_policies()["data"]["policies"] if policy.startswith("rhsi-site")]
    bindings = connect("site-b").resources.get(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding")
    assert not [item for item in bindings.get().items if item.metadata.name.endswith("-auth-delegator")]
