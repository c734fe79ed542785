"""This program under its own policy pack: every way to set it up, in a preview and in `up`."""

import pytest

from tests.unit.policy.judging import judge_all
from tests.unit.recorder import Graph, Registration, record
from tests.unit.urns import VARIANTS

# What advisory rules tell of settings that a person may choose.
CHOSEN = {
    # `vault.ca` is empty where the server's certificate is publicly trusted.
    "secret-store-ca",
    # `vault.reviewer: token`.
    "reviewer-token-stored",
}


def made(graph: Graph) -> list[Registration]:
    """What the program makes; what it only reads is somebody else's."""
    return [one for one in graph.resources.values() if not one.read_id]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_program_complies(variant: str, preview: bool) -> None:
    chosen = VARIANTS[variant]
    graph = record(
        chosen.settings,
        stack=chosen.stack,
        primary_outputs=chosen.primary_outputs,
        vault=chosen.vault,
        preview=preview,
    )
    said = judge_all(made(graph))
    assert {rule for rule, _ in said} <= CHOSEN, said


def test_a_program_that_does_not_protect_its_data_is_told_of_each_place() -> None:
    values = {**VARIANTS["primary with everything"].settings, "protect": False}
    said = judge_all(made(record(values, stack="site-a")))
    told = {message.split(" is not protected")[0] for rule, message in said if rule.startswith("data-")}
    assert told == {
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
    values = {**VARIANTS["primary"].settings, "standbys": {"site-b": standby}}
    assert {name for name, _ in judge_all(made(record(values, stack="site-a")))} == {rule}
