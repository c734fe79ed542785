"""Environment variables that a run may not have, and those that a machine needs."""

import inspect
import json
import re

import pulumi_kubernetes
import pulumi_vault
import pytest

from components import settings
from tests.unit.recorder import PRIMARY, STANDBY, record

TEXTS = {key: value if isinstance(value, str) else json.dumps(value) for key, value in PRIMARY.items()}


@pytest.mark.parametrize(
    ("name", "values", "fix"),
    [
        ("PULUMI_K8S_DELETE_UNREACHABLE", ["true", "1"], "would be forgotten instead of deleted; unset it"),
        ("PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", ["true"], "would succeed without having reached the cluster; unset it"),
        ("PULUMI_K8S_AWAIT_ALL", ["true"], "ready only after another stack's `up`; unset it"),
        ("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", ["false", "0", "no"], "cannot tell its own objects from those of"),
        ("VAULT_SKIP_VERIFY", ["true", "1", "T"], "set VAULT_CACERT to the file with the CA of Vault's certificate"),
        ("VAULT_AGENT_ADDR", ["http://127.0.0.1:8100"], "unset it, and set VAULT_ADDR to it"),
    ],
)
def test_a_variable_that_would_break_a_promise_is_refused_with_what_it_would_do(
    name: str, values: list[str], fix: str
) -> None:
    for value in values:
        with pytest.raises(settings.SettingsError) as refusal:
            settings.load(TEXTS, stack="site-a", environment={name: value})
        (line,) = str(refusal.value).splitlines()[1:]
        assert line.startswith(f'  - The environment variable {name} is "{value}": ')
        assert fix in line


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PULUMI_K8S_DELETE_UNREACHABLE": "false", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE": ""},
        {"PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "true", "PULUMI_K8S_AWAIT_ALL": "false", "VAULT_SKIP_VERIFY": "0"},
        {"KUBECONFIG": "kubeconfig", "VAULT_ADDR": "https://vault:8200", "VAULT_TOKEN": "t", "VAULT_CACERT": "ca"},
        {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8", "VAULT_PROXY_ADDR": "http://proxy:3128"},
        {"PULUMI_K8S_CLIENT_QPS": "10", "PULUMI_K8S_CLIENT_BURST": "20", "PULUMI_K8S_CLIENT_TIMEOUT": "60"},
    ],
)
def test_what_a_machine_needs_and_what_changes_nothing_passes(environment: dict[str, str]) -> None:
    assert settings.load(TEXTS, stack="site-a", environment=environment).role == "primary"


SDK = [pulumi_kubernetes.provider, pulumi_vault.provider]


def test_no_variable_that_the_providers_read_changes_what_a_stack_keeps_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kept() -> dict[str, object]:
        found = record(PRIMARY, stack="site-a").resources.values()
        return {one.name: one.inputs for one in found if one.token.startswith("pulumi:providers:")}

    read = {name for module in SDK for name in re.findall(r"get_env\w*\('(\w+)'\)", inspect.getsource(module))}
    assert {"KUBECONFIG", "PULUMI_K8S_DELETE_UNREACHABLE", "VAULT_SKIP_VERIFY"} <= read
    before = kept()
    # VAULT_SKIP_VERIFY is refused: the client of Vault follows it whatever the provider is told.
    for name in read - {"VAULT_SKIP_VERIFY"}:
        for value in ("true", "false", "77"):
            monkeypatch.setenv(name, value)
            assert kept() == before, name
            monkeypatch.delenv(name)


def test_it_is_reported_together_with_the_mistakes_of_the_settings() -> None:
    texts = {"role": "standby", "cluster": json.dumps(STANDBY["cluster"])}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack="site-b", environment={"VAULT_SKIP_VERIFY": "1"})
    assert "rhsi:primaryStack is missing" in str(refusal.value)
    assert "The environment variable VAULT_SKIP_VERIFY is" in str(refusal.value)


def test_a_run_reads_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_AWAIT_ALL", "true")
    with pytest.raises(settings.SettingsError, match="The environment variable PULUMI_K8S_AWAIT_ALL is"):
        settings.from_stack()
