"""A primary with two routers: two Links for each grant, awaited, read back, and rotated together."""

import pytest

from components.link.rotation import link_names, token_name
from lab.kube import connect
from tests.lab.checkout import Checkout

pytestmark = pytest.mark.lab

SKUPPER = "skupper.io/v2alpha1"


def links() -> list[str]:
    found = connect("site-b").resources.get(api_version=SKUPPER, kind="Link").get(namespace="rhsi")
    return sorted(link.metadata.name for link in found.items)


def keys() -> list[str]:
    found = connect("site-b").resources.get(api_version="v1", kind="Secret").get(namespace="rhsi")
    return [secret.metadata.name for secret in found.items if secret.metadata.name.startswith("standby-from-vault")]


def assert_linked(checkout: Checkout, rotation: int, *, ha: bool) -> None:
    names = link_names(rotation, ha=ha)
    assert links() == names
    assert keys() == [token_name(rotation)]
    outputs = checkout.outputs("site-b")
    assert outputs["links"] == dict.fromkeys(names, "Ready")
    assert outputs["link"] == names[0]
    assert outputs["link_status"] == "Ready"
    for stack in ("site-a", "site-b"):
        again = checkout.run("up", stack, "--expect-no-changes")
        assert again.code == 0, again.text


def test_two_routers_are_used_by_the_next_rotation_and_one_router_by_the_one_after(checkout: Checkout) -> None:
    checkout.change("site-a", "skupper.ha", True)
    checkout.up()
    assert_linked(checkout, 1, ha=False)

    for _ in range(2):
        rotation = checkout.next_rotation()
        checkout.up()
        assert_linked(checkout, rotation, ha=True)

    checkout.change("site-a", "skupper.ha", False)
    rotation = checkout.next_rotation()
    checkout.up()
    assert_linked(checkout, rotation, ha=False)
