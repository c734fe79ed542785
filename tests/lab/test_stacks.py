"""The life of the link: previewed, provisioned, left alone, rotated, doubled, destroyed; with the operator's rights.

The tests share one checkout. Each brings its stacks to where it begins, so any of them can run alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hvac
import pytest
import yaml

from components.link.rotation import grant_name, token_name
from lab.kube import connect, find
from tests.lab import leaks
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.operator_rights import operator

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"
PLACES = {"site-a": ("site-a", "rhsi"), "site-b": ("site-b", "rhsi"), "site-c": ("site-b", "rhsi-c")}
"""Context and namespace of each stack's site."""

LEFT_EMPTY = {"Site": SKUPPER, "AccessGrant": SKUPPER, "Link": SKUPPER, "Job": "batch/v1", "Secret": "v1"}
"""Of what a destroyed stack leaves none in a namespace that stays."""
NAMESPACES = {"site-a": ["rhsi"], "site-b": ["rhsi", "rhsi-c"]}
"""In which the operator may work."""


@dataclass
class Stacks:
    """The stacks of a checkout, and which of them stand."""

    checkout: Checkout
    standing: set[str] = field(default_factory=set)

    def up(self, *names: str) -> None:
        """Bring these up if they do not stand already."""
        for name in names:
            if name not in self.standing:
                self.checkout.up(name)
                self.standing.add(name)

    def destroy(self) -> None:
        """Destroy all that stand."""
        for name in sorted(self.standing):
            self.checkout.destroy(name)
        self.standing.clear()


@pytest.fixture(scope="module")
def stacks(lab: Lab, copy_checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    rights = operator(lab.environment, tmp_path_factory.mktemp("operator"), NAMESPACES, ["site-b", "site-c"])
    return Stacks(copy_checkout(rights))


@pytest.fixture(scope="module")
def vault(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


@pytest.fixture
def new(stacks: Stacks) -> Stacks:
    """No stack stands."""
    stacks.destroy()
    return stacks


@pytest.fixture
def provisioned(stacks: Stacks) -> Checkout:
    """Both sites are linked."""
    stacks.up("site-a", "site-b")
    return stacks.checkout


@pytest.fixture
def doubled(provisioned: Checkout, stacks: Stacks) -> Checkout:
    """There is a second standby in a namespace of its own."""
    if "site-c" not in stacks.standing:
        add_site_c(provisioned)
        stacks.standing.discard("site-a")
        stacks.up("site-a", "site-c")
    return provisioned


def add_site_c(checkout: Checkout) -> None:
    """Configure a second standby beside the first one."""
    checkout.change("site-a", "standbys.site-c", {"rotation": 1})
    site_b = yaml.safe_load((checkout.root / "Pulumi.site-b.yaml").read_text())
    (checkout.root / "Pulumi.site-c.yaml").write_text(yaml.safe_dump(site_b))
    checkout.change("site-c", "cluster.namespace", PLACES["site-c"][1])


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


def test_a_preview_of_nothing_shows_every_resource_and_changes_nothing(new: Stacks, vault: hvac.Client) -> None:
    for stack, shown in {
        "site-b": ["Site", "SecretStore", "ExternalSecret", "Job", "AuthBackendRole", "Policy", "RoleBinding"],
        "site-a": ["Site", "AccessGrant", "SecretV2", "Mount"],
    }.items():
        result = new.checkout.run("preview", stack)
        assert result.code == 0, result.text
        for kind in shown:
            assert f":{kind} " in result.text, f"{stack} shows its {kind}"
        assert "[unknown]" in result.text or "output<string>" in result.text
    assert names("site-a", "Site") == names("site-b", "Site") == []
    assert "rhsi/" not in vault.sys.list_mounted_secrets_engines()["data"]
    assert "kubernetes-site-b/" not in vault.sys.list_auth_methods()["data"]


def test_no_part_of_the_credentials_leaves_a_trace(new: Stacks, vault: hvac.Client, lab: Lab) -> None:
    with leaks.Watcher(lab.home) as watcher:
        printed = "".join(new.checkout.run("up", stack).text for stack in ("site-a", "site-b"))
    new.up("site-a", "site-b")
    code = grant_secrets(vault)["code"]
    assert len(code) >= 24, "a real code of this run"
    watcher.assert_saw_the_engine()
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
    name = token_name(provisioned.rotation())
    assert link["metadata"]["name"] == name
    assert (link["status"]["status"], link["status"]["remoteSiteName"]) == ("Ready", "rhsi-primary")
    outputs = provisioned.outputs("site-b")
    assert outputs.pop("readme").startswith("# ${outputs.site}\n")
    assert outputs == {
        "site": "site-b",
        "skupper_site": "rhsi-standby",
        "namespace": "rhsi",
        "rotation": provisioned.rotation(),
        "link": name,
        "link_status": "Ready",
        "links": {name: "Ready"},
        "remote_site": "rhsi-primary",
        "exported_services": {},
        "imported_services": {},
    }


def test_the_access_token_belongs_to_the_job_that_made_it(provisioned: Checkout) -> None:
    # A claim that finds its Link makes no token, so this one is of a rotation of its own.
    number = provisioned.next_rotation()
    provisioned.up("site-a", "site-b")
    (token,) = listed("site-b", "AccessToken")
    job = find(connect("site-b"), "batch/v1", "Job", "create-access-token-from-vault", "rhsi")
    assert job
    assert token["metadata"]["name"] == token_name(number)
    (owner,) = token["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", job["metadata"]["uid"])


@pytest.mark.parametrize("arguments", [(), ("--refresh",)], ids=["plain", "refreshed"])
@pytest.mark.parametrize("stack", ["site-a", "site-b"])
def test_a_second_run_changes_nothing(provisioned: Checkout, stack: str, arguments: tuple[str, ...]) -> None:
    result = provisioned.run("preview", stack, "--expect-no-changes", *arguments)
    assert result.code == 0, result.text


def test_a_grant_that_was_deleted_and_made_again_is_not_the_one_in_use_and_the_standby_says_so(
    provisioned: Checkout,
) -> None:
    number = provisioned.rotation()
    before = provisioned.outputs("site-a")["standbys"]["site-b"]["expires"]
    grants = connect("site-a").resources.get(api_version=SKUPPER, kind="AccessGrant")
    grants.delete(name=grant_name("site-b", number), namespace="rhsi")
    assert provisioned.run("up", "site-a", "--refresh").code == 0
    after = provisioned.outputs("site-a")["standbys"]["site-b"]["expires"]
    assert after > before
    told = provisioned.run("up", "site-b")
    assert told.code != 0
    assert (
        f"Link {token_name(number)} is of the grant {number}/{before} (rotation/expiry), not of {number}/{after}"
        in (told.text)
    )
    assert names("site-b", "Link") == [token_name(number)], "the link that works stays"
    number = provisioned.next_rotation()
    provisioned.up("site-a", "site-b")
    assert names("site-b", "Link") == [token_name(number)]


def test_a_second_standby_needs_configuration_only_and_leaves_the_first_alone(
    stacks: Stacks, provisioned: Checkout, vault: hvac.Client
) -> None:
    (first,) = listed("site-b", "Link")
    add_site_c(provisioned)
    preview = provisioned.run("preview", "site-c")
    assert preview.code == 0, preview.text
    provisioned.up("site-a", "site-c")
    stacks.standing.add("site-c")
    assert names("site-b", "Link", "rhsi-c") == [token_name(1)]
    assert provisioned.run("preview", "site-b", "--expect-no-changes").code == 0
    (still,) = listed("site-b", "Link")
    assert still["metadata"]["uid"] == first["metadata"]["uid"]
    assert grant_secrets(vault, "site-c")["code"] != grant_secrets(vault)["code"]


def test_a_rotation_replaces_grant_and_link_and_leaves_one_of_each(doubled: Checkout) -> None:
    old, number = doubled.rotation(), doubled.next_rotation()
    doubled.up("site-a", "site-b")
    assert names("site-a", "AccessGrant") == [grant_name("site-b", number), grant_name("site-c", 1)]
    assert names("site-b", "Link") == names("site-b", "AccessToken") == [token_name(number)]
    secrets = [item["metadata"]["name"] for item in listed("site-b", "Secret", api_version="v1")]
    assert token_name(number) in secrets
    assert token_name(old) not in secrets
    assert names("site-b", "Link", "rhsi-c") == [token_name(1)]
    assert doubled.outputs("site-b")["rotation"] == number


def test_a_failed_claim_says_what_to_do_and_the_next_rotation_mends_it(
    provisioned: Checkout, vault: hvac.Client
) -> None:
    old, number = provisioned.rotation(), provisioned.next_rotation()
    provisioned.up("site-a")
    token = grant_secrets(vault)
    vault.secrets.kv.v2.create_or_update_secret(
        "site-b/link-token", secret={**token, "code": "wrong"}, mount_point="rhsi"
    )
    failed = provisioned.run("up", "site-b")
    assert failed.code != 0
    refused = f"The grant server refused the code of rotation {number}. Make a new grant: pulumi config set --path"
    assert refused in failed.text
    typed = f"'rhsi:standbys.site-b.rotation' {number + 1} -s site-a && pulumi up -s site-a && pulumi up -s site-b"
    assert typed in failed.text
    assert names("site-b", "Link") == [token_name(old)], "the old link stays until there is a new one"
    number = provisioned.next_rotation()
    provisioned.up("site-a", "site-b")
    assert names("site-b", "Link") == names("site-b", "AccessToken") == [token_name(number)]
    assert provisioned.run("preview", "site-b", "--expect-no-changes").code == 0


@pytest.mark.usefixtures("doubled")
def test_destroying_leaves_nothing_behind(stacks: Stacks, vault: hvac.Client) -> None:
    stacks.destroy()
    for context, namespace in PLACES.values():
        left = connect(context)
        for kind, api_version in LEFT_EMPTY.items():
            found = left.resources.get(api_version=api_version, kind=kind).get(namespace=namespace).items
            assert not found, f"{kind} in {namespace}: {[item.metadata.name for item in found]}"
        assert find(left, "v1", "ConfigMap", "rhsi-owner", namespace) is None
        assert find(left, "v1", "Namespace", namespace), "the administrator's"
    assert "rhsi/" not in vault.sys.list_mounted_secrets_engines()["data"]
    assert not [path for path in vault.sys.list_auth_methods()["data"] if path.startswith("kubernetes-")]
    assert not [policy for policy in vault.sys.list_policies()["data"]["policies"] if policy.startswith("rhsi-site")]
    bindings = connect("site-b").resources.get(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding")
    assert not [item for item in bindings.get().items if item.metadata.name.endswith("-auth-delegator")]
