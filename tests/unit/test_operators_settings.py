"""Settings of operators: defaults by catalogue, and what is refused because it cannot work."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components import settings
from components.settings.operators import Place, place
from tests.unit.recorder import PRIMARY, STANDBY, settings_of

ON = {"enabled": True}
EDB = {"edb": {"enabled": True, "registry": {"token": "t"}}}
# EDB's operator with its pull secret from Vault.
IN_VAULT: dict[str, Any] = {"edb": {"enabled": True}, "operators": {"database": ON}}
CLIENT_TLS = {"certSecretRef": {"name": "vault"}, "keySecretRef": {"name": "vault"}}
PINNED = {**ON, "approval": "Manual", "startingCSV": "skupper-operator.v2.2.1-rh-1"}
KUBERNETES = {"cluster": {**STANDBY["cluster"], "platform": "kubernetes"}}


def refused(values: Mapping[str, Any], *, stack: str = "site-b") -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack=stack, secret_keys=frozenset({"edb"}))
    return str(refusal.value)


def found(part: str, values: Mapping[str, Any]) -> Place:
    read = settings_of({**STANDBY, **values}, stack="site-b")
    return place(read.operators, part, platform=read.cluster.platform, edb_operator=read.edb.operator)


def where(part: str, values: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    there = found(part, values)
    return there.package.name, there.channel, there.source, there.source_namespace, there.namespace


def test_openshift_has_all_operators_in_its_catalogues() -> None:
    market = "openshift-marketplace"
    usual = ("stable-2", "redhat-operators", market, "openshift-operators")
    assert where("skupper", {}) == ("skupper-operator", *usual)
    assert where("networkObserver", {}) == ("skupper-netobs-operator", *usual)
    assert where("externalSecrets", {}) == (
        "openshift-external-secrets-operator",
        "stable-v1",
        "redhat-operators",
        market,
        "external-secrets-operator",
    )
    certified = ("certified-operators", market)
    assert where("database", {}) == ("cloud-native-postgresql", "fast", *certified, "postgresql-operator-system")
    community = {"edb": {"enabled": False, "operator": "community"}}
    assert where("database", community) == ("cloudnative-pg", "stable-v1", *certified, "cnpg-system")


def test_another_cluster_has_the_communitys_catalogue_and_a_namespace_of_another_name() -> None:
    community = {**KUBERNETES, "edb": {"enabled": False, "operator": "community"}}
    assert where("database", community) == (
        "cloudnative-pg",
        "stable-v1",
        "operatorhubio-catalog",
        "olm",
        "cnpg-system",
    )
    own = {**KUBERNETES, "operators": {"skupper": {**ON, "source": "mirror", "sourceNamespace": "catalogues"}}}
    assert where("skupper", own) == ("skupper-operator", "stable-2", "mirror", "catalogues", "operators")


def test_only_the_platforms_own_namespace_is_shared() -> None:
    assert found("skupper", {}).shared
    assert not found("skupper", {"operators": {"skupper": {"enabled": False, "namespace": "operators"}}}).shared
    assert not found("externalSecrets", {}).shared


def test_every_key_can_be_set_and_nothing_is_on_by_itself() -> None:
    assert not any(
        settings_of(STANDBY, stack="site-b").operators.part(part).enabled for part in ("skupper", "database")
    )
    values = {
        "enabled": True,
        "channel": "stable-2.1",
        "source": "cs-redhat-operator-index-v4.18",
        "sourceNamespace": "catalogues",
        "namespace": "skupper-operator",
        "startingCSV": "skupper-operator.v2.1.4-rh-3",
        "approval": "Manual",
    }
    read = settings_of({**STANDBY, "operators": {"skupper": values}}, stack="site-b").operators.skupper
    assert read.model_dump(by_alias=True) == values


@pytest.mark.parametrize("part", ["skupper", "networkObserver", "externalSecrets", "database"])
def test_a_part_says_whether_it_is_on(part: str) -> None:
    assert f"rhsi:operators.{part}.enabled is missing: write true" in refused(
        {**STANDBY, "operators": {part: {"channel": "x"}}}
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"operators": {"networkObserver": ON}}, "set rhsi:networkObserver.enabled to true, or remove this"),
        ({"operators": {"database": ON}}, "set rhsi:edb.enabled to true, or remove this"),
        (
            {"operators": {"skupper": {**ON, "startingCSV": "cloudnative-pg.v1.30.1"}}},
            "the package skupper-operator has no such version",
        ),
        ({"operators": {"skupper": {**ON, "startingCSV": "skupper-operator"}}}, "such as skupper-operator.v1.2.3"),
        ({"operators": {"skupper": {**ON, "approval": "manual"}}}, "it must be 'Automatic' or 'Manual'"),
        ({"operators": {"skupper": {**ON, "namespace": "rhsi"}}}, "an operator needs a namespace of its own"),
        ({"operators": {"skupper": {**ON, "namespace": "db"}}, **EDB}, "an operator needs a namespace of its own"),
        ({"operators": {"skupper": {**ON, "namespace": "default"}}}, "no stack can own that namespace"),
        (
            {"operators": {"skupper": {**ON, "namespace": "openshift-skupper"}}},
            "namespaces of that name are the platform",
        ),
        ({"operators": {"skupper": {**ON, "source": "No_Name"}}}, "Kubernetes takes 1 to 63 lower-case letters"),
        (
            {
                "networkObserver": ON,
                "operators": {
                    "skupper": {**ON, "namespace": "skupper"},
                    "networkObserver": {**ON, "namespace": "skupper"},
                },
            },
            "operators.skupper has it already",
        ),
        (
            {**EDB, "edb": {"enabled": True}, "operators": {"database": {**ON, "namespace": "openshift-operators"}}},
            "EDB's operator needs its pull secret beside it",
        ),
        (
            {"operators": {"externalSecrets": {**ON, "source": "community-operators"}}},
            "the community's package does not serve external-secrets.io/v1",
        ),
        ({**KUBERNETES, "operators": {"skupper": ON}}, "rhsi:operators.skupper.source is missing"),
        ({**KUBERNETES, "operators": {"externalSecrets": ON}}, "install the Helm chart `external-secrets`"),
        (
            {**KUBERNETES, "operators": {"skupper": {**ON, "source": "mine", "namespace": "openshift-operators"}}},
            "only OpenShift has it; write operators",
        ),
        ({"networkObserver": {"enabled": "yes"}}, "it must be true or false"),
        (
            {
                "cluster": {**STANDBY["cluster"], "createNamespace": False},
                "skupper": {"existingSite": "hub"},
                "operators": {"skupper": ON},
            },
            "enabled is true: rhsi:skupper.existingSite is a Site whose operator runs already; remove one of the two",
        ),
        (
            {**IN_VAULT, "vault": {**STANDBY["vault"], "caProvider": {"name": "ca"}}},
            "nobody can put it there before; write the CA as rhsi:vault.ca",
        ),
        (
            {**IN_VAULT, "vault": {**STANDBY["vault"], "clientTls": CLIENT_TLS}},
            "remove operators.database and install EDB's Helm chart `edb-postgres-for-kubernetes`",
        ),
        (
            {"networkObserver": ON, "operators": {"skupper": PINNED, "networkObserver": {**ON, "approval": "Manual"}}},
            "OLM makes one InstallPlan for all of openshift-operators, so that operators.networkObserver could only",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out(values: Mapping[str, Any], sentence: str) -> None:
    assert sentence in refused({**STANDBY, **values})


def test_an_observer_is_off_by_itself() -> None:
    assert not settings_of({**STANDBY, "networkObserver": {}}, stack="site-b").network_observer.enabled


@pytest.mark.parametrize(
    "values",
    [
        # An object that External Secrets finds in the databases' namespace only.
        {"edb": {"enabled": True}, "vault": {**STANDBY["vault"], "caProvider": {"name": "ca"}}},
        {
            "edb": {"enabled": True, "operator": "community"},
            "vault": {**STANDBY["vault"], "clientTls": CLIENT_TLS},
            "operators": {"database": ON},
        },
        # What stays, stays together.
        {
            "networkObserver": ON,
            "operators": {
                "skupper": PINNED,
                "networkObserver": {**PINNED, "startingCSV": "skupper-netobs-operator.v2.2.1-rh-1"},
            },
        },
        {
            "networkObserver": ON,
            "operators": {"skupper": PINNED, "networkObserver": {**ON, "namespace": "observer-operator"}},
        },
        {
            "networkObserver": ON,
            "operators": {"skupper": {**PINNED, "startingCSV": ""}, "networkObserver": ON},
        },
    ],
)
def test_what_has_nothing_to_do_with_each_other_goes_together(values: Mapping[str, Any]) -> None:
    settings_of({**STANDBY, **values}, stack="site-b")


def test_a_primary_needs_no_external_secrets() -> None:
    text = refused({**PRIMARY, "operators": {"externalSecrets": ON}}, stack="site-a")
    assert "a primary writes to Vault by itself and needs no External Secrets; move it to the standby's stack" in text


def test_two_operators_share_the_platforms_namespace_and_the_other_platforms_name_is_free() -> None:
    values = {
        "networkObserver": ON,
        "operators": {"skupper": {**ON, "namespace": "operators"}, "networkObserver": ON},
    }
    assert settings_of({**STANDBY, **values}, stack="site-b").operators.skupper.namespace == "operators"
    both = {"networkObserver": ON, "operators": {"skupper": ON, "networkObserver": ON}}
    settings_of({**STANDBY, **both}, stack="site-b")
