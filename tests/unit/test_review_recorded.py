"""What a review says of previews that the real engine made (tests/unit/previews.py says of what)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ops.review.changes import Action
from ops.review.comment import comment
from ops.review.preview import Diagnostic, Preview, PreviewError, Step, read
from ops.review.report import StackReview, as_json, exit_code, of_stack
from tests.unit.previews import FOLDER, recorded

NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))


def reviewed(name: str) -> StackReview:
    """The review of a recorded preview."""
    return of_stack(name.rpartition("-site-")[0], recorded(name))


def said(name: str) -> str:
    """The comment on a recorded preview."""
    return comment([reviewed(name)], title="Review")


@pytest.mark.parametrize("name", ["quiet-site-a", "quiet-site-b"])
def test_a_run_with_nothing_to_do_is_one_line(name: str) -> None:
    assert reviewed(name).is_quiet
    assert said(name).splitlines()[2:] == [
        f"**Review: nothing to do** for `quiet` ({reviewed(name).unchanged} unchanged)."
    ]


def test_a_first_preview_counts_what_pulumi_counts_and_lists_objects() -> None:
    assert reviewed("first-site-a").counts == {Action.CREATE: 87}
    assert "+ create AccessGrant rhsi/rhsi-site-b-grant-1" in said("first-site-a")
    assert "PrimarySite" not in said("first-site-a")
    assert "**create** Job `rhsi/create-access-token-from-vault`: The standby claims its link." in said("first-site-b")


def test_a_rotation_on_the_primary_says_that_the_link_rotates_and_what_comes_first() -> None:
    text = said("rotation-site-a")
    assert "`rhsi/rhsi-site-b-grant-1 → rhsi/rhsi-site-b-grant-2` (the new one comes first): The link rotates" in text
    assert "Then run `pulumi up` for the standby" in text
    assert "dataJson: (secret) → (secret)" in text


def test_a_rotation_on_the_standby_runs_the_claim_again_and_deletes_nothing() -> None:
    review, text = reviewed("rotation-site-b"), said("rotation-site-b")
    assert review.counts == {Action.UPDATE: 11, Action.REPLACE: 6}
    assert "**replace** Job `rhsi/create-access-token-from-vault`: The claim runs again" in text
    assert "containers.script.env.ROTATION.value: 1 → 2" in text
    # What is only read back is no change, though `pulumi preview --diff` shows it as if it were deleted.
    assert "Link " not in text


def test_other_parameters_restart_the_database() -> None:
    text = said("restart-site-a")
    assert "**update** StatefulSet `rhsi/postgres-primary`: The database restarts." in text
    assert "containers.postgres.args[1]: (none) → max_connections=200" in text


def test_a_namespace_and_a_database_that_go_are_named_first() -> None:
    lines = [line for line in said("without-edb-site-a").splitlines() if line.startswith("- **")]
    assert lines[:2] == [
        "- **delete** Namespace `db`: Everything in the namespace goes with it, databases and volumes too.",
        "- **delete** Cluster `db/edb-site-a`: The database goes with its data.",
    ]


def test_a_server_that_goes_with_its_volume_is_a_loss() -> None:
    lines = [line for line in said("without-postgres-site-b").splitlines() if line.startswith("- **")]
    assert lines[0] == "- **delete** StatefulSet `rhsi/postgres-standby`: The database goes with its volume."


def test_another_ca_is_told_without_its_text() -> None:
    text = said("ca-site-b")
    assert "Vault trusts another CA for this cluster's API server" in text
    assert "External Secrets trusts another CA for Vault" in text
    assert "kubernetesCaCert: (PEM, not shown) → (PEM, not shown)" in text


def test_protection_that_ends_is_told_and_is_counted_once() -> None:
    review, text = reviewed("unprotect-site-a"), said("unprotect-site-a")
    assert "**update** Namespace `rhsi`: Nothing protects it any more." in text
    assert "**update** Cluster `db/edb-site-a`: Nothing protects it any more." in text
    assert "persistentVolumeClaimRetentionPolicy.whenDeleted: Retain → Delete" in text
    assert (review.counts[Action.UPDATE], review.unchanged) == (7, 80)


def test_a_preview_that_protection_stops_says_of_what() -> None:
    text = said("protected-site-a")
    assert "The database goes with its data. It is protected: `pulumi up` refuses that." in text
    assert (
        'resource "kubernetes:postgresql.cnpg.io/v1:Cluster primary-edb-site-cluster-cluster" cannot be deleted' in text
    )
    # The command can be pasted.
    assert "pulumi state unprotect 'urn:pulumi:site-a::rhsi::" in text


def test_a_refused_setting_is_the_programs_own_sentence() -> None:
    failure = reviewed("disown-site-a").failure
    assert failure.startswith("The stack site-a cannot become what its settings ask for:\n")
    assert "rhsi:cluster.createNamespace is false, it was true" in failure


def test_drift_says_what_is_gone_and_what_is_put_back() -> None:
    text = said("drift-site-a")
    assert "**create** Connector `rhsi/postgres-primary`: It is gone, and `pulumi up` makes it again." in text
    assert "spec.linkAccess: none → default" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_run_in_another_order_gives_the_same_comment(name: str) -> None:
    preview = recorded(name)
    by_resource: dict[str, list[Step]] = {}
    for step in preview.steps:
        by_resource.setdefault(step.urn, []).append(step)
    # What is done to one resource keeps its order; the resources are the engine's to arrange.
    other = tuple(step for steps in reversed(by_resource.values()) for step in steps)
    reviews = [of_stack("site-a", replace(preview, steps=steps)) for steps in (preview.steps, other)]
    assert comment(reviews[:1], title="Review") == comment(reviews[1:], title="Review")


@pytest.mark.parametrize("name", NAMES)
def test_no_recorded_preview_shows_a_certificate_a_script_or_the_configuration(name: str) -> None:
    review = reviewed(name)
    shown = said(name) + str(as_json([review], expect_no_changes=True))
    for text in (
        "BEGIN ",
        "LS0tLS",
        "MII",
        "#!/bin/sh",
        "set -eu",
        "encryptionsalt",
        "template.data",
        "rhsi:annotations",
    ):
        assert text not in shown
    assert max(map(len, shown.splitlines()[0:1] + said(name).splitlines())) < 600


SECRETS = {
    "password": "Tr0ub4dor&3",
    "token": "hvs.CAESIJabcdefghijklmnopqrstuvwxyz",
    "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
    "url": "https://admin:Tr0ub4dor3@vault.example.com",
    "key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA\n-----END PRIVATE KEY-----\n",
    "base64": "c3VwZXJzZWNyZXRwYXNzd29yZGZvcmV2ZXJ5Ym9keQ==",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_the_place_of_any_value_is_not_shown(name: str, secret: str) -> None:
    document = json.loads((FOLDER / f"{name}.json").read_text())
    for step in document["steps"]:
        for state in (step.get("oldState"), step.get("newState")):
            for part in ("inputs", "outputs"):
                if state and part in state:
                    state[part] = filled(state[part], secret)
    review = of_stack("site-a", read(json.dumps(document, indent=4)))
    shown = comment([review], title="Review") + json.dumps(as_json([review], expect_no_changes=False))
    for text in (secret, secret.strip().splitlines()[-1], json.dumps(secret)[1:-1]):
        assert text not in shown


def filled(value: Any, secret: str) -> Any:
    """The same shape with the secret instead of each text."""
    if isinstance(value, dict):
        return {key: filled(one, secret) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, secret) for one in value]
    return secret if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_the_exit_code_follows_the_engines_verdict(name: str) -> None:
    review = reviewed(name)
    failed, quiet = name.startswith(("protected", "disown")), name.startswith("quiet")
    assert exit_code([review], expect_no_changes=True) == (2 if failed else 0 if quiet else 1)
    assert exit_code([review], expect_no_changes=False) == (2 if failed else 0)


def test_warnings_are_shown_once_and_without_secrets() -> None:
    warning = Diagnostic("warning", "warning: VAULT_TOKEN=hunter2 ends in an hour")
    review = of_stack("site-a", Preview(diagnostics=(warning, warning), unchanged=3))
    assert review.warnings == ("VAULT_TOKEN=[not shown] ends in an hour",)
    text = comment([review], title="Review")
    assert "<details><summary>Warnings (1)</summary>" in text
    assert "nothing to do" in text


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{", '{"a": 1}', '{"steps": [{"op": "create"}]}'])
def test_what_is_no_preview_is_refused(text: str) -> None:
    with pytest.raises(PreviewError):
        read(text)


def test_a_stack_without_resources_is_a_preview() -> None:
    assert read('{\n    "duration": 12\n}') == Preview()
