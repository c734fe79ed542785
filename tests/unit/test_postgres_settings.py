"""What `rhsi:postgres` takes beyond a server: users, databases, rules, versions, several standbys, a promotion."""

from typing import Any

import pytest

from components.postgres import versions
from components.settings.postgres_formats import access_rule, database_name, role_name
from tests.unit.recorder import PRIMARY, settings_of
from tests.unit.test_database_settings import primary, refused, standby
from tests.unit.test_settings import mistakes_in


@pytest.mark.parametrize("name", ["orders", "orders_app", "o2", "a" * 40])
def test_a_name_that_needs_no_quotes_is_accepted(name: str) -> None:
    assert role_name(name) is None
    assert database_name(name) is None


@pytest.mark.parametrize(
    "name", ["Orders", "orders-app", "1st", "_a", "a_", "a__b", "a" * 41, "x'; DROP TABLE y", 'a"b', "a b", "ä", "a\n"]
)
def test_a_name_that_sql_or_kubernetes_would_read_otherwise_is_refused(name: str) -> None:
    assert "lower-case letters, digits and single underscores" in str(role_name(name))
    assert "lower-case letters, digits and single underscores" in str(database_name(name))


@pytest.mark.parametrize(
    "name", ["postgres", "appuser", "replicator", "rhsi_monitor", "public", "pg_monitor", "all", "current_user"]
)
def test_a_user_of_a_name_that_means_something_is_refused(name: str) -> None:
    text = refused(primary(users={name: {}}))
    assert f"rhsi:postgres.users.{name} is " in text
    assert "PostgreSQL or this program has that name already; write for example orders_app" in text


@pytest.mark.parametrize("name", ["app", "postgres", "template1", "replication", "pg_db", "all"])
def test_a_database_of_a_name_that_means_something_is_refused(name: str) -> None:
    text = refused(primary(databases={name: {}}))
    assert "PostgreSQL or this program has that name already; write for example orders" in text


def test_users_and_databases_are_read_with_their_defaults() -> None:
    wanted = {"users": {"orders_app": {}}, "databases": {"orders": {"owner": "orders_app"}, "stock": {}}}
    found = settings_of(primary(**wanted), stack="site-a").postgres
    assert {name: one.owner for name, one in found.databases.items()} == {"orders": "orders_app", "stock": "appuser"}
    assert found.users["orders_app"].password is None


def test_a_database_of_an_unknown_owner_is_refused() -> None:
    text = refused(primary(databases={"orders": {"owner": "orders_app"}}))
    assert 'rhsi:postgres.databases.orders.owner is "orders_app": no user of rhsi:postgres.users has that name' in text


def test_a_users_password_is_encrypted_and_only_on_the_primary() -> None:
    password = "-".join(["hunter2", "hunter2"])
    text = refused(primary(users={"orders_app": {"password": password}}))
    assert "rhsi:postgres.users.orders_app.password is [secret]: it is in plain text; set it with " in text
    assert "hunter2" not in text
    found = settings_of(primary(users={"orders_app": {"password": password}}), stack="site-a").postgres.users
    assert found["orders_app"].password
    assert "hunter2" not in repr(found)
    there = mistakes_in(
        standby(users={"orders_app": {"password": password}}), stack="site-b", secret_keys=frozenset({"postgres"})
    )
    assert "rhsi:postgres.users.orders_app.password is [secret]: it belongs into the primary's stack" in there
    assert settings_of(standby(users={"orders_app": {}}), stack="site-b").postgres.users


# tests/lab/test_postgres_starting.py has a server read them.
ACCEPTED_RULES = [
    "host orders orders_app 10.0.0.0/8 scram-sha-256",
    "host  orders,stock  +readers  all  reject",
    "host all all 2001:db8::/32 reject",
    "host sameuser,my-database Some.One,all samehost scram-sha-256",
    "host all all samenet scram-sha-256",
]


@pytest.mark.parametrize("rule", ACCEPTED_RULES)
def test_a_line_of_pg_hba_is_accepted(rule: str) -> None:
    assert access_rule(rule) is None


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("", ""),
        ("host all all all", "it is no line of pg_hba.conf"),
        ("host all all all reject # nobody", "it is no line of pg_hba.conf"),
        ("host all all all reject\nlocal all all trust", "it is no line of pg_hba.conf"),
        ('host all "a b" all reject', "it is no line of pg_hba.conf"),
        ("local all all all trust", "only lines of the type host"),
        ("hostssl all all all scram-sha-256", "only lines of the type host"),
        ("include /tmp/other x y z", "only lines of the type host"),
        ("host replication all all reject", "replication is the program's own business"),
        ("host app,replication all all reject", "replication is the program's own business"),
        ("host @file all all reject", "databases and users are names"),
        ("host all /^app all reject", "databases and users are names"),
        ("host all all 10.0.0.1 reject", "its address is none"),
        ("host all all 10.0.0.1/8 reject", "its address is none"),
        ("host all all example.com reject", "its address is none"),
        ("host all all fe80::%eth0/64 reject", "its address is none"),
        ("host all all 10.0.0.0/255.0.0.0 reject", "its address is none"),
        ("host all all 10.0.0.0/0.255.255.255 reject", "its address is none"),
        ("host all all all trust", "its method must be scram-sha-256 or reject"),
        ("host all all all md5", "its method must be scram-sha-256 or reject"),
        ("host orders all all ldap", "its method must be scram-sha-256 or reject"),
        ("host all all all ldap ldapserver=x ldapbasedn=dc=example,dc=net", "its method must be scram-sha-256"),
        ("host all all all ldap ldapserver=x ldapbindpasswd=x", "its method must be scram-sha-256 or reject"),
        ("host all all all scram-sha-256 foo=bar", "nothing follows the method"),
        ("host all all all reject now", "nothing follows the method"),
    ],
)
def test_a_line_that_is_none_or_weakens_the_programs_own_is_refused(rule: str, problem: str) -> None:
    text = refused(primary(pgHba=[rule]))
    assert "rhsi:postgres.pgHba.0 is " in text
    assert problem in text


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/library/postgres:17-bookworm", 17),
        ("quay.io/sclorg/postgresql-18-c9s:latest", 18),
        ("registry.example.com:5000/postgres16/server:latest", None),
        ("mirror.example.com/pg@sha256:" + "16" * 32, None),
        ("postgresql:160", None),
    ],
)
def test_the_name_of_an_image_tells_its_version_or_does_not(image: str, version: int | None) -> None:
    assert versions.told_by(image) == version


def test_the_version_chooses_the_platforms_image_and_an_image_the_version() -> None:
    kubernetes = {**PRIMARY["cluster"], "platform": "kubernetes"}
    usual = settings_of(primary(), stack="site-a")
    assert (usual.postgres_version, usual.postgres.version) == (16, None)
    found = settings_of({**primary(version=18), "cluster": kubernetes}, stack="site-a")
    assert (found.postgres_image, found.postgres_version) == ("docker.io/library/postgres:18-bookworm", 18)
    assert "postgresql-18-c9s" in settings_of(primary(version=18), stack="site-a").postgres_image
    assert settings_of(primary(image="postgres:17"), stack="site-a").postgres_version == 17
    assert settings_of(primary(image="pg:latest"), stack="site-a").postgres_version is None
    assert settings_of(primary(image="pg:latest", version=17), stack="site-a").postgres_version == 17


@pytest.mark.parametrize("version", [15, 19, "17", True])
def test_another_version_is_refused(version: object) -> None:
    assert "rhsi:postgres.version is " in refused(primary(version=version))


def test_a_version_that_the_image_or_the_platform_does_not_have_is_refused() -> None:
    text = refused(primary(version=17, image="docker.io/library/postgres:16"))
    assert "rhsi:postgres.version is 17: the name of rhsi:postgres.image says 16; write the version that the" in text
    text = refused(primary(version=17))
    assert "there is no usual image of that version for OpenShift; name one in rhsi:postgres.image" in text
    assert settings_of(primary(version=17, image="pg:latest"), stack="site-a").postgres_version == 17


@pytest.mark.parametrize(
    ("values", "key", "other"),
    [
        (standby(databases={}), "databases", "primary"),
        (standby(manageSlots=True), "manageSlots", "primary"),
        (standby(promotedStandby="site-b"), "promotedStandby", "primary"),
        (primary(promoted=True), "promoted", "standby"),
    ],
)
def test_what_belongs_to_the_other_site_is_refused(values: dict[str, Any], key: str, other: str) -> None:
    text = refused(values)
    assert f"rhsi:postgres.{key} is " in text
    assert f"it belongs into the {other}'s stack; move it there" in text


def test_only_a_promoted_standby_says_how_much_wal_it_keeps() -> None:
    assert settings_of(standby(promoted=True, maxSlotWalKeepSize="8GB"), stack="site-b").postgres.promoted
    assert "it belongs into the primary's stack" in refused(standby(promoted=False, maxSlotWalKeepSize="8GB"))


def test_the_promoted_standby_is_one_of_the_standbys() -> None:
    assert settings_of(primary(promotedStandby="site-b"), stack="site-a").postgres.promoted_standby == "site-b"
    text = refused(primary(promotedStandby="site-x"))
    assert 'rhsi:postgres.promotedStandby is "site-x": it is no entry of rhsi:standbys' in text


def test_more_standbys_than_slots_or_senders_are_refused() -> None:
    standbys: dict[str, Any] = {f"site-{number}": {} for number in range(11)}
    text = refused({**primary(parameters={"max_wal_senders": "11"}), "standbys": standbys})
    assert (
        'rhsi:postgres.parameters.max_replication_slots is "10": each of the 11 standbys needs one; write for' in text
    )
    assert "max_wal_senders" not in text
    enough = {"max_wal_senders": "22", "max_replication_slots": "22"}
    assert settings_of({**primary(parameters=enough), "standbys": standbys}, stack="site-a").postgres.enabled
    assert settings_of({**primary(enabled=False), "standbys": standbys}, stack="site-a").standbys


def test_names_of_the_databases_objects_are_no_services() -> None:
    for name in ("postgres-upkeep", "postgres-primary-access", "postgres-user-orders-app", "postgres-primary-fenced"):
        text = refused({**primary(), "services": {"imports": {name: {"port": 1}}}})
        assert "an object of that name in this namespace; rename the service" in text
