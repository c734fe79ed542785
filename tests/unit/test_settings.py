"""Settings: what is accepted, what is refused, and in which words."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components import settings
from tests.unit.recorder import PRIMARY, STANDBY, settings_of


def mistakes_in(values: Mapping[str, Any], *, stack: str = "site-b", secret_keys: frozenset[str] = frozenset()) -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack=stack, secret_keys=secret_keys)
    return str(refusal.value)


def standby_with(**changes: Any) -> dict[str, Any]:
    return {**STANDBY, **changes}


def test_a_primary_needs_a_context_and_a_vault_and_nothing_else() -> None:
    found = settings_of({**PRIMARY, "standbys": {}}, stack="site-a")
    assert (found.site, found.cluster.namespace, found.vault.mount, found.protect) == ("site-a", "rhsi", "rhsi", True)


def test_vault_addr_stands_in_for_a_primarys_vault_address() -> None:
    texts = {"role": "primary", "cluster": json.dumps({"context": "site-a"})}
    assert settings.load(texts, stack="site-a", vault_addr="https://vault:8200").vault.address == ""
    with pytest.raises(
        settings.SettingsError, match=r"rhsi:vault.address is missing: set it to Vault's URL, or set VAULT_ADDR"
    ):
        settings.load(texts, stack="site-a")


def test_a_standbys_auth_mount_is_named_after_its_site() -> None:
    assert settings_of(STANDBY, stack="site-b").auth_path == "kubernetes-site-b"
    named = standby_with(vault={**STANDBY["vault"], "authPath": "k8s/b"})
    assert settings_of(named, stack="site-b").auth_path == "k8s/b"


def test_the_claim_image_follows_the_platform_unless_it_is_set() -> None:
    cluster = STANDBY["cluster"]
    assert "openshift/cli" in settings_of(STANDBY, stack="site-b").cli_image
    other = standby_with(cluster={**cluster, "platform": "kubernetes"})
    assert "alpine/k8s" in settings_of(other, stack="site-b").cli_image
    own = standby_with(images={"claim": "registry.example.com/cli:1"})
    assert settings_of(own, stack="site-b").cli_image == "registry.example.com/cli:1"


def test_every_mistake_of_a_stack_is_reported_at_once() -> None:
    text = mistakes_in(
        {
            "role": "standby",
            "stanbys": {},
            "cluster": {"namespace": "Rhsi", "createNamespace": "yes"},
            "vault": {"mount": "/rhsi/"},
            "timeouts": {"site": "1 day"},
        }
    )
    for key in (
        "stanbys",
        "cluster.context",
        "cluster.namespace",
        "cluster.createNamespace",
        "cluster.apiServer",
        "vault.mount",
        "vault.address",
        "timeouts.site",
        "primaryStack",
    ):
        assert f"rhsi:{key} is " in text
    assert text.count("\n") == 9, "one line for each mistake below the heading"


@pytest.mark.parametrize(
    ("rotation", "shown"), [(0, "0"), (-1, "-1"), ("2", '"2"'), (1.5, "1.5"), (True, "true"), (None, "null")]
)
def test_a_rotation_is_an_integer_of_one_or_more(rotation: object, shown: str) -> None:
    text = mistakes_in({**PRIMARY, "standbys": {"site-b": {"rotation": rotation}}}, stack="site-a")
    assert f"rhsi:standbys.site-b.rotation is {shown}: it must be a whole number of 1 or more" in text


@pytest.mark.parametrize("window", ["1 day", "1d", "60", "h", "-1h", "0s", "1h 30m"])
def test_a_window_that_go_does_not_parse_is_refused(window: str) -> None:
    text = mistakes_in({**PRIMARY, "standbys": {"site-b": {"expirationWindow": window}}}, stack="site-a")
    assert f'rhsi:standbys.site-b.expirationWindow is "{window}": it is ' in text


@pytest.mark.parametrize("claim", [5, "5", 2.5])
def test_a_duration_without_a_unit_is_told_the_unit_in_one_go(claim: object) -> None:
    text = mistakes_in(standby_with(timeouts={"claim": claim}))
    assert "it is a number without a unit; write h, m or s behind it, such as 5m" in text
    assert "quotes" not in text


def test_a_number_that_only_lacks_its_quotes_is_told_so() -> None:
    text = mistakes_in(standby_with(vault={**STANDBY["vault"], "mount": 5}))
    assert "rhsi:vault.mount is 5: it must be text; put it in quotes" in text


@pytest.mark.parametrize("window", ["15m", "1h", "1h30m", "90s", "1.5h"])
def test_a_window_in_gos_words_is_accepted(window: str) -> None:
    found = settings_of({**PRIMARY, "standbys": {"site-b": {"expirationWindow": window}}}, stack="site-a")
    assert found.standbys["site-b"].expiration_window == window


@pytest.mark.parametrize("name", ["Site-B", "site_b", "-b", "b-", "a.b", "x" * 64])
def test_a_standby_whose_name_kubernetes_would_refuse_is_refused(name: str) -> None:
    text = mistakes_in({**PRIMARY, "standbys": {name: {}}}, stack="site-a")
    assert f'rhsi:standbys.{name} is "{name}": Kubernetes takes' in text


@pytest.mark.parametrize("mount", ["/rhsi", "rhsi/", "a//b", "my mount", "sys", "auth/x", "identity"])
def test_a_mount_that_vault_would_refuse_is_refused(mount: str) -> None:
    text = mistakes_in(standby_with(vault={**STANDBY["vault"], "mount": mount}))
    assert f'rhsi:vault.mount is "{mount}": ' in text


@pytest.mark.parametrize("prefix", ["/a.b", "a.b/", "a..b//c", "sys", "my folder"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    text = mistakes_in(standby_with(vault={**STANDBY["vault"], "prefix": prefix}))
    assert f'rhsi:vault.prefix is "{prefix}": ' in text


@pytest.mark.parametrize("prefix", ["test", "env.test/site-b", "a/b_c"])
def test_a_prefix_that_could_be_a_site_is_refused_for_that_site_would_read_it(prefix: str) -> None:
    text = mistakes_in({**PRIMARY, "vault": {**PRIMARY["vault"], "prefix": prefix}}, stack="site-a")
    assert f'rhsi:vault.prefix is "{prefix}": a site could have this name' in text


@pytest.mark.parametrize("prefix", ["env.test", "_a/B", "Test"])
def test_a_prefix_that_no_site_can_have_is_taken(prefix: str) -> None:
    vault = settings_of(standby_with(vault={**STANDBY["vault"], "prefix": prefix}), stack="site-b").vault
    assert vault.below("site-b/link-token") == f"{prefix}/site-b/link-token"


@pytest.mark.parametrize(("here", "there"), [("team-a", "team-b"), ("team-a", "team-a/x"), ("", "team-b")])
def test_another_namespace_in_the_environment_is_refused_with_both_and_the_fix(here: str, there: str) -> None:
    vault = {**STANDBY["vault"], **({"namespace": here} if here else {})}
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in standby_with(vault=vault).items()
    }
    said = f'is "{here}"' if here else "is missing"
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack="site-b", environment={"VAULT_NAMESPACE": there})
    assert f'rhsi:vault.namespace {said}: VAULT_NAMESPACE is "{there}"; unset it, or set both' in str(refusal.value)


@pytest.mark.parametrize("there", ["", "team-a", "team-a/"])
def test_the_same_namespace_in_the_environment_or_none_is_taken(there: str) -> None:
    values = standby_with(vault={**STANDBY["vault"], "namespace": "team-a"})
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    assert settings.load(texts, stack="site-b", environment={"VAULT_NAMESPACE": there}).vault.namespace == "team-a"


def test_a_misspelt_key_is_answered_with_the_right_one() -> None:
    text = mistakes_in(standby_with(cluster={**STANDBY["cluster"], "contxt": "x"}))
    assert 'rhsi:cluster.contxt is "x": there is no such key; rename it to context.' in text


def test_what_a_misspelt_key_stands_for_is_not_called_missing_too() -> None:
    cluster = {key: value for key, value in STANDBY["cluster"].items() if key != "context"}
    text = mistakes_in(standby_with(cluster={**cluster, "contxt": "site-b"}))
    assert 'rhsi:cluster.contxt is "site-b": there is no such key; rename it to context.' in text
    assert text.count("\n") == 1
    others = {key: value for key, value in STANDBY.items() if key != "cluster"}
    text = mistakes_in({**others, "clustre": STANDBY["cluster"]})
    assert "there is no such key; rename it to cluster." in text
    assert text.count("\n") == 1


def test_a_misspelt_key_hides_no_key_that_is_missing_elsewhere() -> None:
    text = mistakes_in(standby_with(cluster={**STANDBY["cluster"], "contxt": "x"}, vault={}))
    assert "rhsi:vault.address is missing" in text


def test_an_unknown_key_is_answered_with_all_keys() -> None:
    text = mistakes_in({**PRIMARY, "standbys": {"site-b": {"x": 1}}}, stack="site-a")
    assert "the keys are rotation, expirationWindow, redemptions" in text


def test_a_standby_without_primary_or_api_server_is_refused() -> None:
    text = mistakes_in({"role": "standby", "cluster": {"context": "site-b"}, "vault": STANDBY["vault"]})
    assert "rhsi:primaryStack is missing: a standby needs its primary's stack" in text
    assert "rhsi:cluster.apiServer is missing: set it to the URL of this cluster's API server" in text


def test_a_standby_cannot_be_its_own_primary() -> None:
    assert 'rhsi:primaryStack is "site-b"' in mistakes_in(standby_with(primaryStack="site-b"))


def test_a_primary_cannot_be_its_own_standby_nor_have_a_primary() -> None:
    text = mistakes_in({**PRIMARY, "primaryStack": "site-z", "standbys": {"site-a": {}}}, stack="site-a")
    assert "rhsi:standbys.site-a is {}: a site cannot be its own standby" in text
    assert 'rhsi:primaryStack is "site-z": only a standby has a primary' in text


def test_audiences_without_the_api_servers_own_are_refused() -> None:
    text = mistakes_in(standby_with(vault={**STANDBY["vault"], "audiences": ["vault"]}))
    assert 'rhsi:vault.audiences is ["vault"]: ' in text
    assert "add https://kubernetes.default.svc or leave the list out" in text


def test_audiences_with_the_api_servers_own_are_accepted() -> None:
    audiences = ["vault", "https://api.example.com"]
    found = settings_of(
        standby_with(
            cluster={**STANDBY["cluster"], "audience": "https://api.example.com"},
            vault={**STANDBY["vault"], "audiences": audiences},
        ),
        stack="site-b",
    )
    assert found.vault.audiences == audiences


def test_a_stored_reviewer_token_needs_no_audience_of_the_api_server() -> None:
    vault = {**STANDBY["vault"], "audiences": ["vault"], "reviewer": "token"}
    assert settings_of(standby_with(vault=vault), stack="site-b").vault.reviewer == "token"


def test_a_ca_that_is_no_certificate_is_refused() -> None:
    assert "it is no certificate in PEM" in mistakes_in(standby_with(vault={**STANDBY["vault"], "ca": "abc"}))


def test_values_of_secret_keys_are_never_shown() -> None:
    text = mistakes_in(standby_with(vault={**STANDBY["vault"], "mount": "hunter2/"}), secret_keys=frozenset({"vault"}))
    assert "hunter2" not in text
    assert "rhsi:vault.mount is [secret]: " in text


def test_a_section_that_is_no_map_is_refused() -> None:
    assert "rhsi:cluster is 5: it must be a map of keys and values" in mistakes_in(standby_with(cluster=5))


@pytest.mark.parametrize("more", [{}, {"edb": {"enabled": True, "operator": "community"}}])
def test_a_swapped_role_is_the_one_mistake(more: dict[str, Any]) -> None:
    text = mistakes_in(standby_with(role="primary", **more))
    assert 'rhsi:role is "primary": the other settings are those of a standby (rhsi:primaryStack names a' in text
    assert text.count("\n") == 1
    text = mistakes_in({**PRIMARY, "role": "standby", **more}, stack="site-a")
    assert 'rhsi:role is "standby": the other settings are those of a primary (rhsi:standbys lists standbys)' in text
    assert text.count("\n") == 1


def test_a_missing_role_says_which_roles_there_are() -> None:
    assert "rhsi:role is missing" in mistakes_in({key: value for key, value in STANDBY.items() if key != "role"})
    assert "it must be 'primary' or 'standby'" in mistakes_in(standby_with(role="hub"))


def test_a_revocation_is_the_primarys_and_counts_from_zero() -> None:
    assert settings_of({**PRIMARY, "revoke": 2}, stack="site-a").revoke == 2
    text = mistakes_in({**PRIMARY, "revoke": -1}, stack="site-a")
    assert "rhsi:revoke is -1: it must be a whole number of 0 or more" in text
    assert "set it in the primary's stack" in mistakes_in(standby_with(revoke=1))
