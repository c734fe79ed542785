"""No change of the program lets a resource of a living stack go: neither by another URN nor by another name outside."""

import pulumi
import pytest

from tests.unit import urns
from tests.unit.recorder import record_component
from tests.unit.urns import VARIANTS, matched

BEFORE, GOLDEN = urns.load("urns-before.json"), urns.load("urns.json")


def test_the_lists_have_every_variant() -> None:
    assert set(BEFORE) < set(GOLDEN) == set(VARIANTS)


@pytest.mark.parametrize("variant", BEFORE)
def test_every_resource_of_an_earlier_state_is_found_again_and_is_the_same_object_outside(variant: str) -> None:
    old = BEFORE[variant]
    found = matched(old, urns.registered(VARIANTS[variant]), stack=VARIANTS[variant].stack)
    assert set(found) == set(old), "what is missing here would be deleted"
    changed = {
        urn: urns.identity(found[urn]) for urn in old if not urns.identity(found[urn]).items() <= old[urn].items()
    }
    assert not changed, "each of these would be replaced"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_urns_are_those_of_the_list(variant: str) -> None:
    """A new resource: write the list anew (see tests/unit/urns.py). Another URN: give the resource an alias first."""
    registered = {resource.urn: urns.identity(resource) for resource in urns.registered(VARIANTS[variant])}
    assert registered == GOLDEN[variant], "`python -m tests.unit.urns > tests/unit/fixtures/urns.json` writes it anew"


def component(token: str, name: str, options: pulumi.ResourceOptions | None = None) -> pulumi.ComponentResource:
    return pulumi.ComponentResource(token, name, {}, options)


@pytest.mark.parametrize(
    ("alias", "old"),
    [
        (pulumi.Alias(name="before"), ("t:i:Top$t:i:Inner::before", "t:i:Top$t:i:Inner$t:i:Leaf::before-leaf")),
        (pulumi.Alias(type_="t:i:Old"), ("t:i:Top$t:i:Old::inner", "t:i:Top$t:i:Old$t:i:Leaf::inner-leaf")),
        (pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE), ("t:i:Inner::inner", "t:i:Inner$t:i:Leaf::inner-leaf")),
        (
            "urn:pulumi:site-a::rhsi::t:i:Far$t:i:Off::away",
            ("t:i:Far$t:i:Off::away", "t:i:Far$t:i:Off$t:i:Leaf::away-leaf"),
        ),
    ],
)
def test_an_alias_is_inherited_by_what_lies_below(alias: pulumi.Alias | str, old: tuple[str, str]) -> None:
    def build() -> dict[str, str]:
        top = component("t:i:Top", "top")
        inner = component("t:i:Inner", "inner", pulumi.ResourceOptions(parent=top, aliases=[alias]))
        component("t:i:Leaf", "inner-leaf", pulumi.ResourceOptions(parent=inner))
        return {}

    before: dict[str, object] = {f"urn:pulumi:site-a::rhsi::{urn}": {} for urn in ("t:i:Top::top", *old)}
    registered = urns.in_order(record_component(build))
    assert set(matched(before, registered, stack="site-a")) == set(before)
    elsewhere: dict[str, object] = {"urn:pulumi:site-a::rhsi::t:i:Leaf::inner-leaf": {}}
    assert not matched(elsewhere, registered, stack="site-a"), "an alias keeps nothing that it does not name"
