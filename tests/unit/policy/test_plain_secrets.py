"""Secrets outside of Secrets, by their form and by their name; no message holds one."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from policy.rules.plain_secrets import FORMS
from tests.unit.policy.judging import UNKNOWN, judge, manifest

# Invented, and assembled so that no scanner takes them for real ones.
SECRETS = {
    "a private key": "-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEE\n-----END EC " + "PRIVATE KEY-----",
    "a JSON web token": "ey" + "JhbGciOiJSUzI1NiJ9.ey" + "JzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl",
    "a token of Vault": "hvs." + "CAESIJ" + "a" * 20,
    "a token of OpenShift": "sha256~" + "b" * 43,
    "a key of AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "a token of GitHub": "ghp_" + "c" * 36,
    "a token of GitLab": "glpat-" + "d" * 20,
    "a URL with a password": "postgres://app:" + "hunter2@db.example.com/app",
    "a connection string with a password": "host=primary user=replicator " + "password=hunter2",
    "SQL with a password": "ALTER ROLE app PASSWORD '" + "hunter2'",
}


def config_map(**data: Any) -> dict[str, Any]:
    return manifest("ConfigMap", data=data)


def job(name: str, value: Any) -> dict[str, Any]:
    container = {"name": "script", "image": "i", "env": [{"name": "A", "value": "b"}, {"name": name, "value": value}]}
    return manifest("Job", spec={"template": {"spec": {"containers": [container]}}})


def test_every_form_has_an_example() -> None:
    assert set(SECRETS) == set(FORMS)


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_found_wherever_everybody_may_read_and_never_shown(what: str) -> None:
    secret = SECRETS[what]
    places: dict[str, Mapping[str, Any]] = {
        "data.file": config_map(file=f"x\n{secret}\ny"),
        "spec.template.spec.containers[0].env[1].value": job("SOME", secret),
        "metadata.annotations.note": manifest("Pod") | {"metadata": {"name": "it", "annotations": {"note": secret}}},
        "spec.bootstrap.initdb.postInitSQL[0]": manifest(
            "Cluster", api_version="postgresql.cnpg.io/v1", spec={"bootstrap": {"initdb": {"postInitSQL": [secret]}}}
        ),
    }
    for path, properties in places.items():
        (said,) = judge("plain-secrets", properties)
        assert f": {path} holds {what}, which every reader of the object sees; put the value into a Secret" in said
        assert not any(line in said for line in secret.split("\n") if line)


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_in_a_secret_is_where_it_belongs(what: str) -> None:
    assert not judge("plain-secrets", manifest("Secret", stringData={"key": SECRETS[what]}))
    assert not judge("secret-names", manifest("Secret", stringData={"password": SECRETS[what]}))
    assert not judge("plain-secrets", {"dataJson": SECRETS[what]}, kind="vault:kv/secretV2:SecretV2")


@pytest.mark.parametrize("rule", ["plain-secrets", "secret-names"])
@pytest.mark.parametrize(
    "kind",
    [
        "kubernetes:core/v1:SecretPatch",
        # Encrypted for one cluster.
        "kubernetes:bitnami.com/v1alpha1:SealedSecret",
        # Inputs of Pulumi's own types: a chart makes a Secret of its values, and each object is judged by itself.
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:yaml:ConfigFile",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:kustomize/v2:Directory",
    ],
)
def test_what_is_no_object_that_many_read_may_hold_secrets(rule: str, kind: str) -> None:
    assert not judge(rule, {"values": {"password": SECRETS["a URL with a password"]}}, kind=kind)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "grep -q 'BEGIN EC PRIVATE KEY-----' file",
        "https://user@host/path",
        "https://host:8443/a@b",
        "postgres://app:$(PASSWORD)@db/app",
        "postgres://app:${PASSWORD}@db/app",
        "postgres://{{ .user }}:{{ .password }}@db/app",
        "host=primary user=replicator password=$PASSWORD",
        "host=primary user=replicator passfile=/tmp/pgpass",
        'conninfo = f"host={host} user={user} password={password}"',
        "jdbc:postgresql://db/app?user=app&password=${PASSWORD}",
        'PGPASSWORD="$(cat /secrets/password)" psql',
        "r.getOwnPropertyDescriptor(e)",
        "ALTER ROLE app PASSWORD :'password'",
        "ALTER ROLE app PASSWORD '$new'",
        "docs.example.com",
        UNKNOWN,
        "",
    ],
)
def test_what_only_looks_a_little_like_one_is_allowed(text: str) -> None:
    assert not judge("plain-secrets", config_map(file=text))


@pytest.mark.parametrize(
    "form",
    [
        "s." + "e" * 23 + "7",
        "hvb." + "f" * 20,
        "-----BEGIN " + "PRIVATE KEY-----\nMII",
        "redis://:" + "hunter2@cache/0",
        "jdbc:postgresql://db/app?user=app&" + "password=hunter2",
        "Server=db;User=app;" + "Password=hunter2",
        "user=app dbname=app " + "password='hunter 2'",
        "PG" + "PASSWORD=hunter2 psql",
    ],
)
def test_other_shapes_of_a_form_are_found_too(form: str) -> None:
    assert judge("plain-secrets", config_map(file=f"key: {form}"))


@pytest.mark.parametrize("part", ["a+", "host=a ", "postgres://", "eyJa.", "-----BEGIN A "])
def test_a_long_text_is_judged_in_one_pass(part: str) -> None:
    begun = time.process_time()
    assert not judge("plain-secrets", config_map(file=part * 50_000))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("kind", ["AccessGrant", "AccessToken"])
def test_a_code_in_a_spec_is_a_secret_by_definition(kind: str) -> None:
    (said,) = judge("plain-secrets", manifest(kind, spec={"code": "correcthorse"}))
    assert said.startswith(f"{kind} rhsi/it: spec.code is set, and whoever may read the object can link with it;")
    assert "correcthorse" not in said
    assert not judge("plain-secrets", manifest(kind, spec={"url": "https://grants.example.com/uid"}))


@pytest.mark.parametrize(
    "name", ["PGPASSWORD", "password", "DB_PASSWD", "passphrase", "private-key", "tls.private_key"]
)
def test_a_literal_named_as_a_password_is_told_without_its_value(name: str) -> None:
    (said,) = judge("secret-names", job(name, "correct-horse"))
    assert said == (
        f"Job rhsi/it: spec.template.spec.containers[0].env[1].value is a literal value named {name}, and the name "
        "says that it is secret; put the value into a Secret, by External Secrets for example, and refer to that."
    )


@pytest.mark.parametrize("token", ["0f" * 16, "4f1c2d3e-0a1b-4c2d-8e3f-0123456789ab"])
def test_a_random_number_is_not_the_name_of_an_object(token: str) -> None:
    assert judge("secret-names", job("API_TOKEN", token))


@pytest.mark.parametrize("arguments", [["serve", "--db-password=hunter2"], ["serve", "--db-password", "hunter2"]])
def test_an_option_of_a_command_has_a_name_too(arguments: list[str]) -> None:
    (said,) = judge("secret-names", manifest("Pod", spec={"containers": [{"name": "c", "args": arguments}]}))
    path = f"spec.containers[0].args[{len(arguments) - 1}]"
    assert said.startswith(f"Pod rhsi/it: {path} is a literal value named db-password, and the name says")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "arguments", [["--no-password", "app"], ["--password-file", "x"], ["--password=$(PW)"], ["--password", "--quiet"]]
)
def test_an_option_without_a_literal_secret_is_allowed(arguments: list[str]) -> None:
    assert not judge("secret-names", manifest("Pod", spec={"containers": [{"name": "c", "args": arguments}]}))


@pytest.mark.parametrize("name", ["API_TOKEN", "clientSecret", "api-key", "aws_access_key", "credentials"])
def test_a_literal_named_as_a_secret_is_told_unless_it_is_the_name_of_an_object(name: str) -> None:
    assert judge("secret-names", config_map(**{name: "Qx7/aa=="}))
    assert not judge("secret-names", config_map(**{name: "postgres-application"}))


@pytest.mark.parametrize(
    "value", ["", "/run/secrets/password", "$(PASSWORD)", "$PASSWORD", "${PASSWORD}", "{{ .password }}", "3", "true"]
)
def test_a_path_a_reference_or_a_number_is_no_password(value: str) -> None:
    assert not judge("secret-names", job("PGPASSWORD", value))


def test_a_variable_from_a_secret_has_no_literal() -> None:
    reference = {"valueFrom": {"secretKeyRef": {"name": "postgres", "key": "password"}}}
    container = {"name": "c", "env": [{"name": "PGPASSWORD", **reference}]}
    assert not judge("secret-names", manifest("Pod", spec={"containers": [container]}))
    assert not judge("secret-names", job("PGPASSWORD", UNKNOWN))
    assert not judge("secret-names", job("PASSWORD_FILE", "password.txt")), "the last word says what it is"


@pytest.mark.parametrize(("rule", "data"), [("plain-secrets", "glpat-" + "d" * 20), ("secret-names", "Correct Horse")])
def test_a_place_may_be_allowed(rule: str, data: str) -> None:
    found = config_map(password=data)
    assert judge(rule, found)
    assert judge(rule, found, config={"allowed": ["ConfigMap db/*"]})
    assert not judge(rule, found, config={"allowed": ["ConfigMap rhsi/it: data.*"]})
