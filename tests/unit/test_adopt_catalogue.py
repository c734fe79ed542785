"""What adopt imports, held against what the program registers: types, names, parents, ids and providers."""

import os
import re
from collections.abc import Iterable, Mapping
from unittest import mock

import pytest

from components.settings import Settings
from ops.adopt import providers
from ops.adopt.catalogue import CREATING, IMPORTED, adoptables
from tests.unit.recorder import Registration, settings_of
from tests.unit.urns import VARIANTS, Variant, registered

NEVER_OVERWRITTEN = re.compile(
    r"vault:index/(mount:Mount|policy:Policy|authBackend:AuthBackend)|vault:jwt/authBackend:.*|.*/authBackendRole:.*"
)
OF_OPERATORS = re.compile(r"operator|external-secrets-config|network-observer")


def provider_of(resource: Registration) -> str:
    return resource.provider.split("::")[3]


def settings(variant: Variant) -> Settings:
    return settings_of(variant.settings, stack=variant.stack)


@pytest.fixture(params=VARIANTS, scope="module")
def variant(request: pytest.FixtureRequest) -> Variant:
    return VARIANTS[request.param]


@pytest.fixture(scope="module")
def resources(variant: Variant) -> dict[str, Registration]:
    with mock.patch.dict(os.environ, {"VAULT_TOKEN": "test-token"}):
        return {one.urn: one for one in registered(variant)}


def test_each_is_a_resource_of_the_program_with_that_parent_and_provider(
    variant: Variant, resources: dict[str, Registration]
) -> None:
    for one in adoptables(settings(variant)):
        resource = resources[one.urn(variant.stack, "rhsi")]
        assert provider_of(resource) == one.provider
        assert one.type in IMPORTED
        above = [resources[resource.parent]]
        while above[0].parent in resources:
            above.insert(0, resources[above[0].parent])
        assert [(parent.token, parent.name) for parent in above] == [
            (parent.type, parent.name) for parent in one.parents
        ]


def test_each_has_the_id_by_which_its_provider_finds_what_the_program_means(
    variant: Variant, resources: dict[str, Registration]
) -> None:
    for one in adoptables(settings(variant)):
        inputs = resources[one.urn(variant.stack, "rhsi")].inputs
        if metadata := inputs.get("metadata"):
            expected = "/".join(metadata[key] for key in ("namespace", "name") if key in metadata)
        elif "roleName" in inputs:
            expected = f"auth/{inputs['backend']}/role/{inputs['roleName']}"
        else:
            expected = inputs.get("path") or inputs["name"]
        assert one.id == expected


def test_nothing_is_missing_that_up_would_refuse_or_that_is_not_written_whole(
    variant: Variant, resources: dict[str, Registration]
) -> None:
    """Operators are left out on purpose, and the plan says so."""
    listed = {one.urn(variant.stack, "rhsi") for one in adoptables(settings(variant))}
    for urn, resource in resources.items():
        if resource.read_id or OF_OPERATORS.search(resource.name):
            continue
        creates = resource.provider and provider_of(resource) == CREATING
        if creates or NEVER_OVERWRITTEN.fullmatch(resource.token):
            assert urn in listed


def test_a_provider_has_the_inputs_that_the_program_gives_it(
    variant: Variant, resources: dict[str, Registration]
) -> None:
    assert_same_providers(settings(variant), resources.values(), {})


def test_an_address_of_vault_in_the_environment_is_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"VAULT_ADDR": "https://vault.elsewhere:8200"}
    monkeypatch.setenv("VAULT_ADDR", environment["VAULT_ADDR"])
    variant = VARIANTS["standby that Vault cannot reach"]
    assert_same_providers(settings(variant), registered(variant), environment)


def assert_same_providers(known: Settings, resources: Iterable[Registration], environment: Mapping[str, str]) -> None:
    """Each provider that the catalogue needs is the program's."""
    made = {one.name: one for one in resources if "providers:" in one.token}
    for name in {one.provider for one in adoptables(known)}:
        assert providers.inputs(name, known, environment) == made[name].inputs
        assert made[name].token == f"pulumi:providers:{providers.package(name)}"
