"""Settings of the databases and of exported services: what is accepted, what is refused, and in which words."""

from typing import Any

import pytest

from tests.unit.recorder import PRIMARY, STANDBY, settings_of
from tests.unit.test_settings import mistakes_in

ENCRYPTED = frozenset({"postgres"})


def primary(**postgres: Any) -> dict[str, Any]:
    return {**PRIMARY, "postgres": {"enabled": True, **postgres}}


def standby(**postgres: Any) -> dict[str, Any]:
    return {**STANDBY, "postgres": {"enabled": True, **postgres}}


def refused(values: dict[str, Any]) -> str:
    return mistakes_in(values, stack="site-a" if values["role"] == "primary" else "site-b", secret_keys=frozenset())


def test_a_database_is_off_until_it_is_asked_for() -> None:
    assert not settings_of(PRIMARY, stack="site-a").postgres.enabled
    assert not settings_of({**PRIMARY, "postgres": {}}, stack="site-a").postgres.enabled


def test_settings_of_a_database_that_nobody_asked_for_are_refused() -> None:
    text = refused({**PRIMARY, "postgres": {"size": "5Gi"}})
    assert "rhsi:postgres.enabled is missing: write true to have the database, or false to keep these settings" in text
    assert settings_of({**PRIMARY, "postgres": {"enabled": False, "size": "5Gi"}}, stack="site-a").postgres.size


def test_image_and_user_follow_the_platform_unless_they_are_set() -> None:
    cluster = {**PRIMARY["cluster"], "platform": "kubernetes"}
    openshift = settings_of(primary(), stack="site-a")
    assert ("sclorg" in openshift.postgres_image, openshift.postgres_user) == (True, 0)
    kubernetes = settings_of({**primary(), "cluster": cluster}, stack="site-a")
    assert ("library/postgres" in kubernetes.postgres_image, kubernetes.postgres_user) == (True, 999)
    own = settings_of(primary(image="registry.example.com/pg:16", runAsUser=70), stack="site-a")
    assert (own.postgres_image, own.postgres_user) == ("registry.example.com/pg:16", 70)


@pytest.mark.parametrize("size", ["10 GB", "10GB", "0", "-1Gi", "Gi", "0Gi"])
def test_a_size_that_is_no_quantity_is_refused(size: str) -> None:
    assert f'rhsi:postgres.size is "{size}": it is no quantity; write for example 10Gi' in refused(primary(size=size))


def test_resources_are_quantities_too() -> None:
    text = refused(primary(resources={"requests": {"cpu": "much"}, "limit": {}}))
    assert 'rhsi:postgres.resources.requests.cpu is "much": it is no quantity' in text
    assert "rhsi:postgres.resources.limit is {}: there is no such key; rename it to limits" in text


@pytest.mark.parametrize("size", ["4Gi", "4", "GB", "0GB"])
def test_the_wals_size_is_in_postgresqls_form(size: str) -> None:
    text = refused(primary(maxSlotWalKeepSize=size))
    assert f'rhsi:postgres.maxSlotWalKeepSize is "{size}": it is no size in PostgreSQL\'s form' in text


@pytest.mark.parametrize("user", [0, -1, "999", 1.5])
def test_the_user_is_a_number_and_never_root(user: object) -> None:
    assert "rhsi:postgres.runAsUser is " in refused(primary(runAsUser=user))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("port", "the pod sets it itself; remove it"),
        ("listen_addresses", "the pod sets it itself; remove it"),
        ("Shared-Buffers", "PostgreSQL's settings have names of lower-case letters"),
    ],
)
def test_a_parameter_that_is_none_or_the_pods_own_is_refused(name: str, problem: str) -> None:
    text = refused(primary(parameters={name: "x"}))
    assert f"rhsi:postgres.parameters.{name} is " in text
    assert problem in text


def test_parameters_of_extensions_are_accepted() -> None:
    parameters = {"shared_buffers": "1GB", "pg_stat_statements.max": "100"}
    assert settings_of(primary(parameters=parameters), stack="site-a").postgres.parameters == parameters


@pytest.mark.parametrize("value", ["100.5", "-1", "1e3", "100MB", "many", "0x64", ""])
def test_what_a_standby_must_match_is_a_whole_number(value: str) -> None:
    for values in (primary(parameters={"max_connections": value}), standby(parameters={"max_connections": value})):
        text = refused(values)
        assert "rhsi:postgres.parameters.max_connections is " in text
        assert 'a standby is told of it as a whole number; write for example "100"' in text


def test_a_primary_that_no_standby_could_follow_is_refused() -> None:
    text = refused(primary(parameters={"wal_level": "minimal"}))
    assert 'rhsi:postgres.parameters.wal_level is "minimal": no standby can follow it; write replica or logical' in text
    assert settings_of(primary(parameters={"wal_level": "logical"}), stack="site-a").postgres.enabled


def test_a_password_in_plain_text_is_refused_and_not_shown() -> None:
    text = refused(primary(applicationPassword="hunter2hunter2"))
    assert "rhsi:postgres.applicationPassword is [secret]: it is in plain text; set it with " in text
    assert "pulumi config set --secret --path 'rhsi:postgres.applicationPassword'" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("password", ["short", "with a space", "with\nline", "pässwörter"])
def test_a_password_that_libpq_or_people_would_stumble_over_is_refused_and_not_shown(password: str) -> None:
    text = mistakes_in(primary(replicationPassword=password), stack="site-a", secret_keys=ENCRYPTED)
    assert "rhsi:postgres.replicationPassword is [secret]: it must have at least 8 characters" in text
    assert password not in text
    assert repr(password)[1:-1] not in text, "nor as a message would quote it"


def test_the_misspelt_name_of_a_password_does_not_show_it() -> None:
    text = refused(primary(aplicationPassword="hunter2hunter2"))
    assert (
        "rhsi:postgres.aplicationPassword is [secret]: there is no such key; rename it to applicationPassword" in text
    )
    assert "hunter2" not in text


def test_a_given_password_shows_in_no_representation_of_the_settings() -> None:
    found = settings_of(primary(applicationPassword="hunter2hunter2"), stack="site-a")
    assert "hunter2" not in repr(found) + str(found)
    assert found.postgres.application_password
    assert found.postgres.application_password.get_secret_value() == "hunter2hunter2"


@pytest.mark.parametrize(
    ("values", "key", "other"),
    [
        (standby(passwordRotation=2), "passwordRotation", "primary"),
        (standby(maxSlotWalKeepSize="1GB"), "maxSlotWalKeepSize", "primary"),
        (standby(applicationPassword="hunter2hunter2"), "applicationPassword", "primary"),
        (primary(smokeTest=True), "smokeTest", "standby"),
    ],
)
def test_what_belongs_to_the_other_site_is_refused(values: dict[str, Any], key: str, other: str) -> None:
    text = refused(values)
    assert f"rhsi:postgres.{key} is " in text
    assert f"it belongs into the {other}'s stack; move it there" in text
    assert "hunter2" not in text


def test_a_service_is_exported_by_host_or_selector() -> None:
    exports = {"a": {"port": 1}, "b": {"host": "h", "selector": "app=b", "port": 1}, "c": {"host": "h:80", "port": 0}}
    text = refused({**PRIMARY, "services": {"exports": exports}})
    for name in ("a", "b"):
        assert f"rhsi:services.exports.{name} is " in text
    assert text.count("give it either a host or a selector, not both") == 2
    assert 'rhsi:services.exports.c.host is "h:80": it is no host name' in text
    assert "rhsi:services.exports.c.port is 0: it must be a whole number of 1 or more" in text


@pytest.mark.parametrize("host", ["orders.shop.svc.cluster.local", "10.0.0.7", "2001:db8::1", "db"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    exports = {"orders": {"host": host, "port": 65535}}
    assert settings_of({**PRIMARY, "services": {"exports": exports}}, stack="site-a").services.exports["orders"].host


@pytest.mark.parametrize("selector", ["orders", "app=", "app==x", "app=a b"])
def test_a_selector_that_skupper_would_not_understand_is_refused(selector: str) -> None:
    exports = {"orders": {"selector": selector, "port": 80}}
    text = refused({**PRIMARY, "services": {"exports": exports}})
    assert "it is no selector; write for example app=orders,tier=web" in text


def test_the_routing_prefix_is_the_primarys() -> None:
    assert settings_of(PRIMARY, stack="site-a").routing_prefix == "site-a"
    assert settings_of({**PRIMARY, "services": {"routingPrefix": "prod"}}, stack="site-a").routing_prefix == "prod"
    assert "it belongs into the primary's stack" in refused({**STANDBY, "services": {"routingPrefix": "prod"}})


def test_a_prefix_that_the_routers_send_to_everybody_is_refused() -> None:
    assert "choose another prefix" in refused({**PRIMARY, "services": {"routingPrefix": "mc"}})
    assert "rhsi:services.routingPrefix is missing" in refused({**PRIMARY, "site": "mc"})


def test_a_service_with_the_name_of_a_databases_is_refused_whether_that_is_on_or_off() -> None:
    imports = {"services": {"imports": {"postgres-primary": {"port": 5432}}}}
    for values in (standby(), STANDBY):
        assert "an object of that name in this namespace; rename the service" in refused({**values, **imports})
