"""docs/security.md names every secret that a stack makes or writes into Vault, and every Job that has rights."""

import re
from collections.abc import Iterator

import pytest

from lab.home import CHECKOUT
from tests.unit.recorder import Graph, record
from tests.unit.urns import VARIANTS

PAGE = (CHECKOUT / "docs" / "security.md").read_text()
# Together they have every Secret, path in Vault and Job of the program.
WITH_ALL = (
    "primary with everything",
    "primary with a streaming database that is backed up",
    "primary with tables of its own",
    "primary with operators",
    "standby with everything",
    "standby with an existing store",
    "standby with operators",
)
KINDS = (
    "kubernetes:core/v1:Secret",
    "kubernetes:external-secrets.io/v1:ExternalSecret",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
)
# What the page has in place of a name that a person chooses, or that differs from run to run.
WORDS = {
    r"^edb-site-\w-": "edb-<site>-",
    r"^postgres-user-.*": "postgres-user-<name>",
    r"^await-.*-operator$": "await-<part>-operator",
    r"^renew-site-ca-\w+$": "renew-site-ca",
}
# The list of a site's tables is no secret.
PUBLIC = {"edb-published"}


def names(graph: Graph) -> Iterator[str]:
    """Names of Secrets and Jobs, and what paths in Vault end in."""
    for kind in KINDS:
        yield from (str(one.inputs["metadata"]["name"]) for one in graph.of_type(kind) if not one.read_id)
    for written in graph.of_type("vault:kv/secretV2:SecretV2"):
        yield str(written.inputs["name"]).rpartition("/")[2]


@pytest.mark.parametrize("variant", WITH_ALL)
def test_the_page_names_every_secret_and_every_job(variant: str) -> None:
    found = VARIANTS[variant]
    graph = record(found.settings, stack=found.stack, primary_outputs=found.primary_outputs, vault=found.vault)
    asked = set(names(graph)) - PUBLIC
    for pattern, word in WORDS.items():
        asked = {re.sub(pattern, word, name) for name in asked}
    assert asked
    assert [name for name in sorted(asked) if f"`{name}`" not in PAGE and f"/{name}`" not in PAGE] == []


def test_each_secret_has_a_row_and_a_section_that_says_where_it_is_and_what_a_stolen_one_allows() -> None:
    every = PAGE.partition("## Every secret\n")[2].partition("\n## ")[0]
    sections = dict(re.findall(r"^### (.+)\n((?:(?!### ).*\n?)*)", every, flags=re.MULTILINE))
    assert re.findall(r"^\| \[([^\]]+)\]", every, flags=re.MULTILINE) == list(sections)
    *described, named = sections
    for title in described:
        words = re.findall(r"^- \*\*(\w+)\*\*", sections[title], flags=re.MULTILINE)
        assert set(words) | {"Travels"} == {"Made", "Travels", "Readable", "Stolen", "Ends"}, title
    assert "what a stolen one allows" in sections[named]
