"""The stand-in for the vault plugin on a real OpenBao."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import hvac
import pytest

from components.vault import issuer, jwk
from tests.lab.lab import Lab
from tests.lab.pulumi.deployments import Deployment
from tests.lab.vault_mounts import mount_kv
from tests.unit.recorder import PUBLISHED

pytestmark = pytest.mark.lab

PROGRAM = """
vault_provider = vault.Provider("vault", skip_child_token=True)
inner = ResourceOptions(provider=vault_provider)
mount = vault.Mount(
    "mount", path=namespace, type="kv", options={{"version": "2"}}, description="{description}", opts=inner
)
secret = vault.kv.SecretV2(
    "secret", mount=mount.path, name="site/token", delete_all_versions={all},
    data_json=pulumi.Output.secret(json.dumps({{"code": "{code}"}})),
    opts=ResourceOptions.merge(inner, ResourceOptions(delete_before_replace=True)),
)
policy = vault.Policy("policy", name=namespace, policy='path "{code}/*" {{ capabilities = ["read"] }}', opts=inner)
backend = vault.AuthBackend("auth", type="kubernetes", path=f"kubernetes-{{namespace}}", opts=inner)
auth = vault.kubernetes.AuthBackendConfig(
    "config", backend=backend.path, kubernetes_host="https://127.0.0.1:6443", kubernetes_ca_cert="{code}",
    disable_iss_validation=True, disable_local_ca_jwt=True, opts=inner,
)
vault.kubernetes.AuthBackendRole(
    "role", backend=backend.path, role_name=namespace, bound_service_account_names=["b", "a"],
    bound_service_account_namespaces=["n"], token_policies=[policy.name], token_ttl={ttl}, opts=inner,
)
pulumi.export("path", secret.path)
"""


JWT = """
vault_provider = vault.Provider("vault", skip_child_token=True)
inner = ResourceOptions(provider=vault_provider)
backend = vault.jwt.AuthBackend("auth", path=f"jwt-{{namespace}}", bound_issuer="https://i", {source}, opts=inner)
vault.jwt.AuthBackendRole(
    "role", backend=backend.path, role_name=namespace, role_type="jwt", user_claim="sub", bound_audiences=["b", "a"],
    bound_claims={{"sub": "{subjects}"}}, token_policies=["default"], token_ttl=60, opts=inner,
)
"""
KEY = jwk.pem(PUBLISHED[issuer.KEYS]["keys"][0])


def program(code: str = "one", ttl: int = 60, description: str = "d", all_versions: bool = True) -> str:
    return PROGRAM.format(code=code, ttl=ttl, description=description, all=all_versions)


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def deployment(pulumi_environ: dict[str, str], tmp_path: Path, name: str) -> Deployment:
    return Deployment(tmp_path, dict(pulumi_environ), {"namespace": name})


@pytest.fixture
def client(lab: Lab) -> hvac.Client:
    return hvac.Client(url=lab.vault_addr, token=lab.vault_token, verify=str(lab.vault_cacert))


def data(client: hvac.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.read(f"{name}/data/site/token")["data"]
    return found


def test_a_preview_contacts_no_vault(deployment: Deployment) -> None:
    deployment.environment["VAULT_ADDR"] = "https://127.0.0.1:1"
    assert "+ 9 to create" in deployment.preview(program())


def test_everything_is_made_left_alone_changed_and_removed(
    deployment: Deployment, client: hvac.Client, name: str
) -> None:
    deployment.up(program())
    assert deployment.outputs() == {"path": f"{name}/data/site/token"}
    assert data(client, name)["data"] == {"code": "one"}
    ids = {item["urn"].rpartition("::")[2]: item.get("id") for item in deployment.state()["resources"]}
    assert ids["mount"] == name
    assert ids["secret"] == f"{name}/data/site/token"
    assert ids["policy"] == name
    assert ids["auth"] == f"kubernetes-{name}"
    assert ids["config"] == f"auth/kubernetes-{name}/config"
    assert ids["role"] == f"auth/kubernetes-{name}/role/{name}"
    assert '{"code": "one"}' not in str(deployment.state())
    deployment.up(None, "--expect-no-changes")
    deployment.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert deployment.code == 0, deployment.text
    assert "~ 5 updated" in deployment.up(program("two", 120, "e"))
    assert data(client, name)["data"] == {"code": "two"}
    assert data(client, name)["metadata"]["version"] == 2
    role = client.read(f"auth/kubernetes-{name}/role/{name}")["data"]
    assert (role["token_ttl"], sorted(role["bound_service_account_names"])) == (120, ["a", "b"])
    deployment.destroy()
    assert f"{name}/" not in client.sys.list_mounted_secrets_engines()["data"]
    assert f"kubernetes-{name}/" not in client.sys.list_auth_methods()["data"]
    assert name not in client.sys.list_policies()["data"]["policies"]


def test_what_stands_is_imported_and_then_needs_no_change(deployment: Deployment, name: str) -> None:
    deployment.up(program(description="of the program"))
    deployment.run("state", "delete", "--all", "--force", "--yes")
    assert deployment.code == 0, deployment.text
    imported = {
        "mount": ("vault:index/mount:Mount", name),
        "policy": ("vault:index/policy:Policy", name),
        "auth": ("vault:index/authBackend:AuthBackend", f"kubernetes-{name}"),
        "role": ("vault:kubernetes/authBackendRole:AuthBackendRole", f"auth/kubernetes-{name}/role/{name}"),
    }
    provider = {"type": "pulumi:providers:vault", "name": "vault", "inputs": {"skipChildToken": "true"}}
    resources = [
        {"type": kind, "name": logical, "id": identity, "provider": "vault"}
        for logical, (kind, identity) in imported.items()
    ]
    file = deployment.folder / "import.json"
    file.write_text(json.dumps({"resources": [provider, *resources]}))
    deployment.run("import", "--file", str(file), "--yes", "--skip-preview", "--generate-code=false", "--protect=false")
    assert deployment.code == 0, deployment.text
    assert "4 imported" in deployment.text
    said = deployment.up()
    changed = {line.split()[2] for line in said.splitlines() if re.match(r" *[~+-]+ +vault:", line)}
    assert changed == {"config", "secret"}
    deployment.destroy()


def test_a_jwt_method_and_its_role_are_made_left_alone_changed_and_removed(
    deployment: Deployment, client: hvac.Client, name: str
) -> None:
    keys = f'jwt_validation_pubkeys=[{KEY!r}], jwt_supported_algs=["ES256"]'
    deployment.up(JWT.format(source=keys, subjects="one"))
    ids = {item["urn"].rpartition("::")[2]: item.get("id") for item in deployment.state()["resources"]}
    assert (ids["auth"], ids["role"]) == (f"jwt-{name}", f"auth/jwt-{name}/role/{name}")
    deployment.up(None, "--expect-no-changes")
    deployment.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert deployment.code == 0, deployment.text
    config = client.read(f"auth/jwt-{name}/config")["data"]
    assert (config["jwt_validation_pubkeys"], config["bound_issuer"]) == ([KEY], "https://i")
    client.write_data(
        f"auth/jwt-{name}/config", data={**{"jwt_validation_pubkeys": [KEY]}, "bound_issuer": "https://x"}
    )
    assert "~ 2 updated" in deployment.up(JWT.format(source=keys, subjects="one, two"), "--refresh")
    assert client.read(f"auth/jwt-{name}/config")["data"]["bound_issuer"] == "https://i"
    assert client.read(f"auth/jwt-{name}/role/{name}")["data"]["bound_claims"] == {"sub": ["one", "two"]}
    said = deployment.up(JWT.format(source='default_role="x"', subjects="one"), code=1)
    assert "exactly one of oidc_discovery_url, jwks_url, jwks_pairs, or jwt_validation_pubkeys" in said
    deployment.destroy()
    assert f"jwt-{name}/" not in client.sys.list_auth_methods()["data"]


def test_a_deleted_secret_leaves_its_history_unless_all_versions_are_to_go(
    deployment: Deployment, client: hvac.Client, name: str
) -> None:
    without = program(all_versions=False)
    deployment.up(without)
    start, end = without.index("secret = "), without.index("policy = ")
    rest = without[:start] + without[end:].replace('pulumi.export("path", secret.path)', "")
    deployment.up(rest)
    assert client.read(f"{name}/metadata/site/token")["data"]["versions"]["1"]["deletion_time"]
    deployment.destroy()


def test_a_value_changed_in_vault_is_not_seen_by_a_refresh_but_its_absence_is(
    deployment: Deployment, client: hvac.Client, name: str
) -> None:
    deployment.up(program())
    client.write_data(f"{name}/data/site/token", data={"data": {"code": "foreign"}})
    client.delete(f"{name}/data/site/token")
    deployment.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert deployment.code == 0, deployment.text
    client.delete(f"{name}/metadata/site/token")
    assert "- 1 deleted" in deployment.run("refresh", "--yes", "--skip-preview")
    assert "+ 1 created" in deployment.up()
    assert data(client, name)["data"] == {"code": "one"}
    deployment.destroy()


def test_drift_of_a_policy_is_found_and_repaired(deployment: Deployment, client: hvac.Client, name: str) -> None:
    deployment.up(program())
    client.sys.create_or_update_policy(name, 'path "x" { capabilities = ["list"] }')
    assert "~ 1 updated" in deployment.up(None, "--refresh")
    assert "one/*" in client.sys.read_policy(name)["data"]["rules"]
    deployment.destroy()


def test_a_refused_token_and_a_missing_one_are_named(deployment: Deployment) -> None:
    deployment.environment["VAULT_TOKEN"] = "wrong"
    assert "failed to lookup token" in deployment.up(program(), code=1)
    del deployment.environment["VAULT_TOKEN"]
    deployment.environment["HOME"] = str(deployment.folder)
    assert "no vault token set on Client" in deployment.up(code=1)


def test_a_taken_path_is_refused(deployment: Deployment, client: hvac.Client, name: str) -> None:
    client.sys.enable_secrets_engine("kv", path=name)
    text = deployment.up(program(), code=1)
    assert "error writing to Vault: Error making API request" in text
    assert f"path is already in use at {name}/" in text
    client.sys.disable_secrets_engine(name)
    deployment.up()
    deployment.destroy()


CLAIM = """
vault_provider = vault.Provider("vault", skip_child_token=True)
inner = ResourceOptions(provider=vault_provider)
vault.kv.SecretV2(
    "secret", mount=namespace, name="site/owner", delete_all_versions=True, {condition},
    data_json=json.dumps({{"id": "{id}"}}), opts=inner,
)
"""


def test_only_the_options_carry_a_condition_to_vault(deployment: Deployment, client: hvac.Client, name: str) -> None:
    mount_kv(client, name)
    try:
        client.write_data(f"{name}/data/site/owner", data={"data": {"id": "theirs"}})
        text = deployment.up(CLAIM.format(condition='options={"cas": "0"}', id="mine"), code=1)
        assert "check-and-set parameter did not match the current version" in text
        assert client.read(f"{name}/data/site/owner")["data"]["data"] == {"id": "theirs"}
        # The provider's own argument is beside the options, where Vault does not look.
        deployment.up(CLAIM.format(condition="cas=7", id="mine"))
        assert client.read(f"{name}/data/site/owner")["data"]["data"] == {"id": "mine"}
        deployment.destroy()
        assert client.list(f"{name}/metadata/site") is None
        deployment.up(CLAIM.format(condition='options={"cas": "0"}', id="mine"))
        deployment.up(None, "--expect-no-changes")
        deployment.destroy()
    finally:
        client.sys.disable_secrets_engine(name)


READS = """
vault_provider = vault.Provider("vault", skip_child_token=True)
asking = pulumi.InvokeOptions(provider=vault_provider)


def said(read, **arguments):
    try:
        return json.loads(read(**arguments, opts=asking).data_json)
    except Exception as error:
        return str(error)


pulumi.export("secret", said(vault.kv.get_secret_v2, mount=namespace, name="site/owner"))
pulumi.export("deleted", said(vault.kv.get_secret_v2, mount=namespace, name="site/deleted"))
pulumi.export("absent", said(vault.kv.get_secret_v2, mount=namespace, name="site/none"))
pulumi.export("mount", said(vault.kv.get_secret, path=f"sys/internal/ui/mounts/{namespace}")["options"])
pulumi.export("inside", said(vault.kv.get_secret, path=f"{namespace}/config")["cas_required"])
pulumi.export("nowhere", said(vault.kv.get_secret, path="sys/internal/ui/mounts/no-such-mount"))
"""


def test_functions_read_and_their_refusals_can_be_caught(
    deployment: Deployment, client: hvac.Client, name: str
) -> None:
    mount_kv(client, name)
    try:
        for path in ("site/owner", "site/deleted"):
            client.write_data(f"{name}/data/{path}", data={"data": {"id": "theirs"}})
        client.delete(f"{name}/data/site/deleted")
        deployment.up(READS)
        found = deployment.outputs()
        assert found["secret"] == {"id": "theirs"}
        assert found["inside"] is False
        assert found["mount"] == {"version": "2"}
        assert found.get("deleted") is None
        assert f'no secret found at "{name}/data/site/none"' in found["absent"]
        assert 'error reading secret "sys/internal/ui/mounts/no-such-mount"' in found["nowhere"]
    finally:
        client.sys.disable_secrets_engine(name)
