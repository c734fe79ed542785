"""This program under its own policy pack: every way to set it up, in a preview and in `up`."""

from typing import Any

import pytest

from docs.generate.stack_files import Example
from tests.unit.policy.judging import judge_all
from tests.unit.recorder import record
from tests.unit.test_configuration import EXAMPLES, given, primary_of, stack_of
from tests.unit.urns import VARIANTS

# What advisory rules tell of settings that a person may choose.
CHOSEN = {
    # `vault.ca` is empty where the server's certificate is publicly trusted.
    "secret-store-ca",
    # `vault.reviewer: token`.
    "reviewer-token-stored",
}


def told(variant: str, *, preview: bool, **changed: Any) -> list[tuple[str, str]]:
    """What the pack says of a variant with some settings changed."""
    chosen = VARIANTS[variant]
    return judge_all(
        record(
            {**chosen.settings, **changed},
            stack=chosen.stack,
            primary_outputs=chosen.primary_outputs,
            vault=chosen.vault,
            preview=preview,
        )
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_program_complies(variant: str) -> None:
    said = told(variant, preview=False)
    assert {rule for rule, _ in said} <= CHOSEN, said


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name.endswith(("with everything", "rules"))])
def test_a_preview_that_knows_little_complies_too(variant: str) -> None:
    said = told(variant, preview=True)
    assert {rule for rule, _ in said} <= CHOSEN, said


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.stem)
def test_every_stack_file_of_the_reference_complies(example: Example) -> None:
    outputs = primary_of(example) if example.role == "standby" else None
    said = judge_all(record(given(example), stack=stack_of(example), primary_outputs=outputs, vault={}))
    # The file shows the setting `redemptions`.
    shown = {"grant-redemptions"} if example.file.stem == "link.primary" else set()
    assert {rule for rule, _ in said} - CHOSEN == shown, said


def test_a_stored_reviewer_is_told_before_its_token_is_known() -> None:
    for preview in (True, False):
        rules = {rule for rule, _ in told("standby with everything", preview=preview)}
        assert "reviewer-token-stored" in rules


def test_a_program_that_does_not_protect_its_data_is_told_of_each_place() -> None:
    said = told("primary with everything", preview=False, protect=False)
    places = {message.split(" is not protected")[0] for rule, message in said if rule.startswith("data-")}
    assert places == {
        "Mount rhsi",
        "Cluster db/edb-site-a",
        "StatefulSet rhsi/postgres-primary",
        "Namespace rhsi",
        "Namespace db",
    }


@pytest.mark.parametrize(
    ("standby", "rule"), [({"expirationWindow": "2h"}, "grant-window"), ({"redemptions": 2}, "grant-redemptions")]
)
def test_a_grant_of_another_size_is_told(standby: dict[str, object], rule: str) -> None:
    assert {name for name, _ in told("primary", preview=True, standbys={"site-b": standby})} == {rule}
