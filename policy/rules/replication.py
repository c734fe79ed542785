"""Subscriptions that replicate both ways. Source: PostgreSQL's CREATE SUBSCRIPTION, `origin` (16 and newer)."""

from collections.abc import Iterator

from .resource import UNKNOWN, Resource, shown
from .rule import MANDATORY, Rule, Settings

# Of CloudNativePG and of EDB's build of it; OLM has a kind of that name too.
GROUPS = ("postgresql.cnpg.io", "postgresql.k8s.enterprisedb.io")


def origin(resource: Resource, _settings: Settings) -> Iterator[str]:
    """The parameter is `none`: rows that came from elsewhere are not sent back."""
    if not any(resource.is_kubernetes(group, "Subscription") for group in GROUPS):
        return
    found = resource.at("spec", "parameters", "origin")
    if found is not UNKNOWN and found != "none":
        yield (
            f"{resource}: spec.parameters.origin is {shown(found)}, so two sites send each row back and forth; "
            'set "none".'
        )


RULES = (
    Rule(
        name="subscription-origin",
        description="A subscription takes only rows that were written on the other site.",
        level=MANDATORY,
        reason="PostgreSQL's default is `any`. Where both sites subscribe, every row then goes round without an end.",
        check=origin,
    ),
)
