"""What a review shows of a value, of a path and of what `pulumi` says: never anything that could let somebody in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.review import paths, values, words
from ops.review.preview import Diagnostic, Preview

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUXbQ0\n-----END CERTIFICATE-----\n"
BASE64 = "c3VwZXJzZWNyZXRwYXNzd29yZGZvcmV2ZXJ5Ym9keQ=="
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec.replicas", 2, "2"),
        ("spec.replicas", 2.0, "2"),
        ("metadata.name", "rhsi-site-b-grant-2", "rhsi-site-b-grant-2"),
        ("spec.enabled", True, "true"),
        ("spec.template.spec.containers.script.env.ROTATION.value", "2", "2"),
        ("spec.template.spec.containers.script.resources.limits.memory", "2Gi", "2Gi"),
        ("spec.postgresql.parameters.max_connections", "200", "200"),
        ("spec.template.spec.containers.postgres.args[1]", "max_connections=200", "max_connections=200"),
        (
            "spec.template.spec.containers.postgres.image",
            f"registry.example.com/a/postgresql:16@sha256:{'0123456789ab' * 5}cdef",
            "registry.example.com/a/postgresql:16@sha256:0123456789ab…",
        ),
        ("spec.anything", "[secret]", "(secret)"),
        ("spec.anything", values.UNKNOWN, "(known after up)"),
        ("spec.anything", None, "(none)"),
        ("spec.anything", paths.MISSING, "(none)"),
        ("spec.anything", {"password": "hunter2"}, "(1 field)"),
        ("spec.anything", ["a", "b"], "(2 items)"),
    ],
)
def test_what_is_known_to_be_harmless_is_shown(path: str, value: object, said: str) -> None:
    assert values.value(value, paths.parse(path), STATEFUL_SET) == said


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("spec.anything", "hunter2", STATEFUL_SET),
        ("spec.template.spec.containers.postgres.env.PGPASSWORD.value", "hunter2", STATEFUL_SET),
        ("spec.template.spec.containers.postgres.args[1]", "--password=hunter2", STATEFUL_SET),
        (
            "spec.postgresql.parameters.archive_command",
            "curl -u me:hunter2",
            "kubernetes:postgresql.cnpg.io/v1:Cluster",
        ),
        ("metadata.annotations.note", "hunter2", STATEFUL_SET),
        ("metadata.labels.note", "hunter2", STATEFUL_SET),
        ("spec.code", 12345678, "kubernetes:skupper.io/v2alpha1:AccessToken"),
        ("spec.pin", 1234, STATEFUL_SET),
        ("data.image", "hunter2", "kubernetes:core/v1:Secret"),
        ("stringData.name", "hunter2", "kubernetes:core/v1:Secret"),
        ("data.image", "hunter2", "kubernetes:core/v1:ConfigMap"),
        ("data.cpu.limits.name", "hunter2", "kubernetes:core/v1:ConfigMap"),
        ("spec.postgresql.parameters.version", "hunter2", "kubernetes:postgresql.cnpg.io/v1:Cluster"),
        ("dataJson", '{"code": "hunter2"}', "vault:kv/secretV2:SecretV2"),
        ("options.cas.path", "hunter2", "vault:kv/secretV2:SecretV2"),
        ("input", "hunter2", "pulumi:index:Stash"),
        ("outputs.name", "hunter2", "pulumi:pulumi:StackReference"),
        # A harmless field with something else in it.
        ("spec.host", "https://admin:hunter2@db.example.com", STATEFUL_SET),
        ("spec.host", "admin:hunter2@db.example.com", STATEFUL_SET),
        ("spec.path", BASE64, STATEFUL_SET),
        ("spec.name", JWT, STATEFUL_SET),
        ("spec.name", "hvs.CAESIJhunter2hunter2hunter2", STATEFUL_SET),
        ("spec.name", "ghp_hunter2hunter2", STATEFUL_SET),
        ("spec.name", "a `fence` for Markdown hunter2", STATEFUL_SET),
        ("spec.name", "first\nhunter2", STATEFUL_SET),
        ("spec.name", "hunter2 " * 20, STATEFUL_SET),
    ],
)
def test_what_may_be_secret_is_not_shown(path: str, value: object, kind: str) -> None:
    said = values.value(value, paths.parse(path), kind)
    assert said.startswith("(")
    assert "hunter2" not in said
    assert str(value) not in said


@pytest.mark.parametrize("field", sorted(values.FIELDS))
def test_each_listed_field_is_shown(field: str) -> None:
    assert values.value("a-word", ("spec", field), STATEFUL_SET) == "a-word"


def test_a_certificate_and_a_script_are_named_and_not_shown() -> None:
    assert values.value(PEM, ("spec", "ca"), STATEFUL_SET) == "(PEM, not shown)"
    assert values.value("#!/bin/sh\nset -eu\n", ("spec", "command"), STATEFUL_SET) == "(text of 2 lines, not shown)"


@given(st.text(min_size=1), st.text(alphabet=string.ascii_letters, min_size=1, max_size=12))
def test_no_text_in_a_field_that_nobody_knows_is_shown(text: str, field: str) -> None:
    if field in values.FIELDS or text in {values.SECRET, values.UNKNOWN}:
        return
    assert values.value(text, ("spec", "unknown", field), STATEFUL_SET).endswith("not shown)")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].env[3].value", ("spec", "containers", 0, "env", 3, "value")),
        ('metadata.annotations["rhsi/restart"]', ("metadata", "annotations", "rhsi/restart")),
        ('data["a\\"b"].c', ("data", 'a"b', "c")),
    ],
)
def test_a_path_is_read_as_the_engine_writes_it(text: str, parts: tuple[str | int, ...]) -> None:
    assert paths.parse(text) == parts


def test_items_of_a_list_have_their_names_where_both_sides_agree() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}
    new = {"env": [{"name": "A", "value": "2"}, {"name": "C", "value": "1"}]}
    assert paths.shown(paths.named(("env", 0, "value"), old, new)) == "env.A.value"
    assert paths.shown(paths.named(("env", 1, "value"), old, new)) == "env[1].value"


@pytest.mark.parametrize(
    ("message", "cut"),
    [
        (f"certificate {PEM} refused", "certificate [PEM]\n refused"),
        ("dial https://admin:hunter2@vault.example.com:8200", "dial https://[user]@vault.example.com:8200"),
        ('login: {"password": "hunter2", "name": "me"}', 'login: {"password": [not shown], "name": "me"}'),
        ("VAULT_TOKEN=hunter2 is expired", "VAULT_TOKEN=[not shown] is expired"),
        (f"token {JWT}", "token [not shown]"),
        ("a hvs.CAESIJabcdefghijklmnop b", "a [not shown] b"),
        (f"data {BASE64}{BASE64}", "data [not shown]"),
        (
            "urn:pulumi:site-b::rhsi::rhsi:index:LinkClaim$kubernetes:batch/v1:Job::standby-link-claim-job failed",
            "kubernetes:batch/v1:Job standby-link-claim-job failed",
        ),
    ],
)
def test_what_may_be_secret_is_cut_out_of_a_message(message: str, cut: str) -> None:
    assert words.cleaned(message) == cut


def test_a_traceback_is_named_without_its_text() -> None:
    message = 'error: Program failed:\nTraceback (most recent call last):\n  File "a.py"\nValueError: hunter2'
    assert words.cleaned(message) == "The program ended in a traceback of ValueError: run `pulumi preview`."


def test_a_message_has_an_end() -> None:
    assert len(words.cleaned("so " * 1000)) == words.LONGEST


def test_a_failure_is_the_last_error_that_says_something() -> None:
    preview = Preview(
        diagnostics=(Diagnostic("error", "error: the namespace exists\n"), Diagnostic("error", "update failed"))
    )
    assert words.failure(preview, "", 255) == "the namespace exists"


def test_a_failure_before_the_engine_starts_is_what_stands_on_standard_error() -> None:
    assert (
        words.failure(None, "\x1b[31merror: \x1b[0mno stack named 'site-z' found\n", 255)
        == "no stack named 'site-z' found"
    )


def test_a_failure_of_no_known_form_is_its_last_line() -> None:
    stderr = "panic: something\ngoroutine 1 [running]: VAULT_TOKEN=hunter2\n\n"
    assert words.failure(None, stderr, 2) == (
        "`pulumi preview` ended with exit code 2: goroutine 1 [running]: VAULT_TOKEN=[not shown]"
    )


def test_a_failure_without_a_word_has_its_exit_code() -> None:
    assert words.failure(None, "", 137) == "`pulumi preview` ended with exit code 137 and gave no reason."
