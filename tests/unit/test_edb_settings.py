"""The settings of the replicated databases: what is accepted, what is refused, and in which words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from components import settings
from lab.certificates import Authority
from tests.unit.recorder import PRIMARY, STANDBY, settings_of

TOKEN = "-".join(["edb", "token"])
# A namespace that is there already.
FOUND = {"createNamespace": False}


def primary(**edb: Any) -> dict[str, Any]:
    """A primary with the community's operator, which needs no secret."""
    return {**PRIMARY, "edb": {"enabled": True, "operator": "community", **edb}}


def edbs_primary(**edb: Any) -> dict[str, Any]:
    return primary(operator="edb", registry={"token": TOKEN}, **edb)


def standby(**edb: Any) -> dict[str, Any]:
    return {**STANDBY, "edb": {"enabled": True, **edb}}


def mistakes_in(values: Mapping[str, Any], *, stack: str = "site-a", encrypted: bool = False) -> list[str]:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack=stack, secret_keys=frozenset({"edb"}) if encrypted else frozenset())
    return [line.removeprefix("  - ") for line in str(refusal.value).splitlines()[1:]]


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("ca")
    return Authority(folder, "shared CA").certificate.read_text()


def test_the_databases_are_off_unless_asked_for() -> None:
    assert not settings_of(PRIMARY, stack="site-a").edb.enabled


def test_a_token_is_all_that_a_primary_must_be_given_and_a_standby_needs_nothing() -> None:
    on_primary, on_standby = settings_of(edbs_primary(), stack="site-a"), settings_of(standby(), stack="site-b")
    assert (on_primary.edb_peer, on_standby.edb_peer) == ("site-b", "site-a")
    for found in (on_primary, on_standby):
        assert found.edb.postgres_image == "docker.enterprisedb.com/k8s/postgresql:16.10-standard-ubi9"
        assert (found.edb.namespace, found.edb.tls, found.edb.reclaim_policy) == ("db", "require", "delete")
    assert TOKEN not in repr(on_primary)


def test_the_communitys_images_need_no_token_and_no_pull_secret() -> None:
    found = settings_of(primary(), stack="site-a").edb
    assert found.postgres_image.startswith("ghcr.io/cloudnative-pg/postgresql:16.")
    assert found.pull_secret == ""


def test_a_section_must_say_whether_it_is_meant() -> None:
    assert mistakes_in({**PRIMARY, "edb": {"operator": "community"}}) == [
        "rhsi:edb.enabled is missing: write true for the databases, or false to keep the section without them."
    ]
    assert not settings_of({**PRIMARY, "edb": {"enabled": False, "tls": "verify-full"}}, stack="site-a").edb.enabled


def test_edbs_images_without_a_token_are_refused_with_the_command() -> None:
    assert mistakes_in({**PRIMARY, "edb": {"enabled": True}}) == [
        "rhsi:edb.registry.token is missing: set EDB's token with `pulumi config set --secret --path "
        "'rhsi:edb.registry.token'`."
    ]


@pytest.mark.parametrize("standbys", [{}, {"site-b": {}, "site-c": {}}])
def test_the_databases_replicate_with_exactly_one_standby(standbys: dict[str, Any]) -> None:
    (mistake,) = mistakes_in({**primary(), "standbys": standbys})
    known = ", ".join(standbys) or "none yet"
    assert mistake == (
        "rhsi:edb.peer is missing: the databases replicate with exactly one standby; name it, "
        f"rhsi:standbys has {known}."
    )


def test_the_peer_can_be_named_and_must_be_known() -> None:
    standbys: dict[str, Any] = {"site-b": {}, "site-c": {}}
    assert settings_of({**primary(peer="site-c"), "standbys": standbys}, stack="site-a").edb_peer == "site-c"
    (mistake,) = mistakes_in({**primary(peer="site-d"), "standbys": standbys})
    assert mistake.startswith('rhsi:edb.peer is "site-d": ')


def test_a_standby_takes_the_last_part_of_its_primarys_stack_for_the_peer() -> None:
    full = {**standby(), "primaryStack": "acme/rhsi/site-a"}
    assert settings_of(full, stack="site-b").edb_peer == "site-a"
    named = {**standby(peer="munich"), "primaryStack": "acme/rhsi/prod-a"}
    assert settings_of(named, stack="site-b").edb_peer == "munich"


def test_names_that_postgresql_would_cut_off_are_refused() -> None:
    long = "a" * 40
    assert mistakes_in({**primary(), "standbys": {long: {}}, "site": "b" * 20}) == [
        f'rhsi:edb.peer is "{long}": PostgreSQL takes 63 characters for the subscription '
        f"{'b' * 20}_from_{long}; shorten the names of the sites."
    ]
    (mistake,) = mistakes_in({**primary(), "standbys": {"b": {}}, "site": long + "a" * 10})
    assert "the operator takes 50 characters for edb-aaa" in mistake


@pytest.mark.parametrize(
    ("edb", "key", "words"),
    [
        ({"database": "postgres"}, "database", "means something else to PostgreSQL"),
        ({"database": "My-App"}, "database", "lower-case letters, digits and underscores"),
        ({"image": "registry.example.com/postgresql:15.8"}, "image", "it must begin with 16, 17 or 18"),
        ({"image": "registry.example.com/postgresql:latest"}, "image", "it must begin with 16, 17 or 18"),
        ({"image": "registry.example.com/postgresql:170.1"}, "image", "it must begin with 16, 17 or 18"),
        ({"pgHba": ["hostssl app"]}, "pgHba.0", "write a line of pg_hba.conf"),
        ({"pgHba": ["hostssl app all ${podselector:web} md5"]}, "pgHba.0", "write the address"),
        ({"pgHba": ["host all all all trust\nhost all all all trust"]}, "pgHba.0", "a line break"),
        ({"affinity": {"podAntiAffinity": "always"}}, "affinity.podAntiAffinity", "it must be 'preferred', 'required'"),
        (
            {"affinity": {"topologyKey": "zone of it"}},
            "affinity.topologyKey",
            "Kubernetes takes a DNS name and a slash",
        ),
        (
            {"affinity": {"nodeSelector": {"a b": "c"}}},
            "affinity.nodeSelector.a b",
            "Kubernetes takes a DNS name and a slash",
        ),
        ({"affinity": {"nodeSelector": {"disk": "very fast"}}}, "affinity.nodeSelector.disk", "up to 63 letters"),
        (
            {"affinity": {"tolerations": [{"key": "db", "operator": "Exists", "value": "yes"}]}},
            "affinity.tolerations.0.value",
            "with operator Exists the value does not count",
        ),
        ({"affinity": {"tolerations": [{"key": "db", "effect": "No"}]}}, "affinity.tolerations.0.effect", "it must be"),
        ({"topologySpread": [{"topologyKey": "zone", "maxSkew": 0}]}, "topologySpread.0.maxSkew", "1 or more"),
        ({"superuserAccess": "no"}, "superuserAccess", "it must be true or false"),
        ({"disruptionBudget": 1}, "disruptionBudget", "it must be true or false"),
        ({"parameters": {"port": "1"}}, "parameters.port", "the operator sets this parameter itself"),
        ({"parameters": {"work_mem": 8}}, "parameters.work_mem", "it must be text; put it in quotes"),
        ({"instances": 0}, "instances", "a whole number of 1 or more"),
        ({"synchronousReplicas": -1}, "synchronousReplicas", "a whole number of 0 or more"),
        ({"synchronousReplicas": 1}, "synchronousReplicas", "of 1 instances only 0 can confirm"),
        ({"reclaimPolicy": "keep"}, "reclaimPolicy", "it must be 'delete' or 'retain'"),
        ({"tls": "prefer"}, "tls", "it must be 'require' or 'verify-full'"),
        ({"size": "ten"}, "size", "it is no quantity"),
        ({"registry": {"server": "https://r/"}}, "registry.server", "the registry's host only"),
        ({"namespace": "rhsi"}, "namespace", "a namespace apart from Skupper's"),
        ({"instanzes": 1}, "instanzes", "rename it to instances"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_its_fix(edb: dict[str, Any], key: str, words: str) -> None:
    (mistake,) = mistakes_in(primary(**edb))
    assert mistake.startswith(f"rhsi:edb.{key} is ")
    assert words in mistake


@pytest.mark.parametrize("rest", ["", ".10", ".10-standard-ubi9", "-minimal-trixie", ".10@sha256:" + "0" * 64])
@pytest.mark.parametrize("major", ["16", "17", "18"])
def test_an_image_of_postgresql_is_told_by_its_tag(major: str, rest: str) -> None:
    image = f"registry.example.com:5000/team/postgresql:{major}{rest}"
    found = settings_of(primary(image=image), stack="site-a").edb
    assert (found.postgres_image, found.major_version) == (image, major)


def test_a_toleration_without_a_key_is_for_every_taint() -> None:
    every = [{"operator": "Exists", "effect": "NoExecute"}]
    found = settings_of(primary(affinity={"tolerations": every}), stack="site-a").edb.affinity
    assert [one.operator for one in found.tolerations] == ["Exists"]
    (mistake,) = mistakes_in(primary(affinity={"tolerations": [{"value": "yes"}]}))
    assert mistake == (
        "rhsi:edb.affinity.tolerations.0.key is missing: name the taint's key, or set operator to Exists for all "
        "taints."
    )


def test_verify_full_takes_an_ec_key_in_sec1_form_and_no_other(certificate: str) -> None:
    curve, rivest = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    sec1 = pem(curve, serialization.PrivateFormat.TraditionalOpenSSL)
    good = primary(tls="verify-full", ca={"certificate": certificate, "key": sec1})
    assert settings_of(good, stack="site-a").edb.ca.key.get_secret_value() == sec1
    for other in (
        pem(curve, serialization.PrivateFormat.PKCS8),
        pem(rivest, serialization.PrivateFormat.TraditionalOpenSSL),
    ):
        bad = primary(tls="verify-full", ca={"certificate": certificate, "key": other})
        (mistake,) = mistakes_in(bad, encrypted=True)
        assert mistake.startswith("rhsi:edb.ca.key is [secret]: the operator takes an EC key in SEC1 form only")
        assert "openssl ecparam" in mistake


def test_verify_full_needs_an_authority_and_an_authority_needs_verify_full(certificate: str) -> None:
    assert [line.split(":")[1] for line in mistakes_in(primary(tls="verify-full"))] == [
        "edb.ca.certificate is missing",
        "edb.ca.key is missing",
    ]
    (mistake,) = mistakes_in(primary(ca={"certificate": certificate}))
    assert mistake.startswith("rhsi:edb.tls is missing: an authority is of use with verify-full only")


def test_a_password_is_given_for_a_secret_that_exists() -> None:
    word = "-".join(["a", "long", "password"])
    given = settings_of(primary(passwords={"edb-site-b-replicator": word}), stack="site-a").edb.passwords
    assert given["edb-site-b-replicator"].get_secret_value() == word
    (mistake,) = mistakes_in(primary(passwords={"edb-site-c-app": word}), encrypted=True)
    assert mistake.startswith(
        "rhsi:edb.passwords.edb-site-c-app is [secret]: there is no such Secret; they are edb-site-a"
    )
    assert word not in mistake


def test_what_vault_passes_on_is_not_given_to_a_standby(certificate: str) -> None:
    word = "-".join(["a", "long", "password"])
    found = mistakes_in(
        standby(
            registry={"token": TOKEN},
            passwords={"edb-site-b-app": word},
            passwordRotation=2,
            ca={"certificate": certificate},
        ),
        stack="site-b",
        encrypted=True,
    )
    assert [line.split(" ")[0] for line in found] == [
        "rhsi:edb.ca",
        "rhsi:edb.passwords",
        "rhsi:edb.passwordRotation",
        "rhsi:edb.registry.token",
    ]
    assert TOKEN not in json.dumps(found)
    assert word not in json.dumps(found)


def test_a_secret_in_plain_text_is_refused_with_the_command(certificate: str) -> None:
    word = "-".join(["a", "long", "password"])
    curve = ec.generate_private_key(ec.SECP256R1())
    key = pem(curve, serialization.PrivateFormat.TraditionalOpenSSL)
    given = edbs_primary(
        passwords={"edb-site-b-app": word}, tls="verify-full", ca={"certificate": certificate, "key": key}
    )
    command = "it is in plain text; set it with `pulumi config set --secret --path"
    assert mistakes_in(given) == [
        f"rhsi:edb.{name} is [secret]: {command} 'rhsi:edb.{name}'`."
        for name in ("passwords.edb-site-b-app", "ca.key", "registry.token")
    ]


@pytest.mark.parametrize(
    ("edb", "key", "words"),
    [
        ({"publish": {"tables": ["orders"]}}, "publish.tables.0", "write schema.table, such as public.orders"),
        ({"publish": {"tables": ["a.b.c"]}}, "publish.tables.0", "write schema.table"),
        ({"publish": {"tables": ['sales."orders"']}}, "publish.tables.0", "write schema.table"),
        ({"publish": {"tables": ["sales.orders; DROP TABLE x"]}}, "publish.tables.0", "write schema.table"),
        ({"publish": {"tables": ["sales." + "o" * 64]}}, "publish.tables.0", "1 to 63 letters"),
        ({"publish": {"tables": ["pg_catalog.pg_class"]}}, "publish.tables.0", "PostgreSQL's own"),
        ({"publish": {"schemas": ["information_schema"]}}, "publish.schemas.0", "PostgreSQL's own"),
        ({"publish": {"schemas": ["sales.orders"]}}, "publish.schemas.0", "1 to 63 letters"),
        ({"publish": {"tables": "sales.orders"}}, "publish.tables", "it must be a list"),
        ({"publish": {"tables": []}}, "publish", "name at least one table or schema"),
        ({"publish": {"tables": ["a.b", "a.b"]}}, "publish.tables", "it is there twice"),
        ({"publish": {"schemas": ["a", "a"]}}, "publish.schemas", "it is there twice"),
        ({"publish": {"tables": ["a.b"], "schemas": ["a"]}}, "publish.tables", "the schema a is published as a whole"),
        ({"refresh": 1}, "refresh", "of use with rhsi:edb.publish only"),
        ({"publish": {"tables": ["a.b"]}, "refresh": -1}, "refresh", "a whole number of 0 or more"),
        ({"initSql": [""]}, "initSql.0", "it is empty"),
        ({**FOUND, "initSqlFrom": [{"key": "a.sql"}]}, "initSqlFrom.0", "name either a configMap or a secret"),
        (
            {**FOUND, "initSqlFrom": [{"configMap": "a", "secret": "b"}]},
            "initSqlFrom.0",
            "name either a configMap or a secret",
        ),
        ({**FOUND, "initSqlFrom": [{"configMap": "A b"}]}, "initSqlFrom.0.configMap", "lower-case letters"),
        ({"initSqlFrom": [{"configMap": "a"}]}, "createNamespace", "must be there before the cluster boots"),
        (
            {"createNamespace": True, "initSqlFrom": [{"secret": "a"}]},
            "createNamespace",
            "make it yourself and write false here, or write the statements into rhsi:edb.initSql",
        ),
    ],
)
def test_what_a_site_publishes_is_a_name_and_nothing_else(edb: dict[str, Any], key: str, words: str) -> None:
    (mistake,) = mistakes_in(primary(**edb))
    assert mistake.startswith(f"rhsi:edb.{key} is ")
    assert words in mistake


def test_tables_are_named_with_their_schemas_in_any_case() -> None:
    given = {"tables": ["public.site_a_data", "sales.OrderLines", "2024.07_orders"], "schemas": ["Crm"]}
    found = settings_of(primary(publish=given, refresh=2), stack="site-a").edb
    assert (found.publish.tables, found.publish.schemas, found.refresh) == (given["tables"], given["schemas"], 2)
    assert found.publish.given
    assert not settings_of(primary(), stack="site-a").edb.publish.given


def test_the_sql_of_the_first_boot_is_statements_and_keys_of_objects() -> None:
    statements = ["CREATE SCHEMA sales", "CREATE TABLE sales.orders (\n  id bigint PRIMARY KEY\n);"]
    sources = [{"configMap": "schema"}, {"secret": "seeds", "key": "seeds.sql"}]
    found = settings_of(primary(**FOUND, initSql=statements, initSqlFrom=sources), stack="site-a").edb
    assert found.init_sql == statements
    assert [(one.config_map, one.secret, one.key) for one in found.init_sql_from] == [
        ("schema", "", "schema.sql"),
        ("", "seeds", "seeds.sql"),
    ]
