"""The recording engine itself: what it keeps, and that its search for leaks finds them."""

import base64
import json

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ConfigMap

from components.credentials import Password
from tests.unit.recorder import PRIMARY, Graph, logical_name, record, record_component

HIDDEN = "-".join(["a", "hidden", "one\n"])


def object_with(**inputs: pulumi.Input[str]) -> Graph:
    """A graph with one object, whose data are these."""
    return record_component(lambda: {"id": ConfigMap("s", metadata={"name": "s"}, data=inputs).id})


def test_resources_with_one_name_are_all_kept() -> None:
    graph = record({**PRIMARY, "postgres": {"enabled": True}}, stack="site-a")
    passwords = graph.of_type(f"rhsi:index:{Password.__name__}")
    assert len(passwords) == 2, "one for each user"
    assert {one.urn for one in passwords} <= set(graph.outputs)


def test_a_urn_has_the_types_of_all_components_above() -> None:
    graph = record(PRIMARY, stack="site-a")
    grant = graph.one("kubernetes:skupper.io/v2alpha1:AccessGrant")
    *above, own = grant.urn.split("::")[2].split("$")
    assert own == grant.token
    assert above
    assert all(token.startswith("rhsi:index:") for token in above)
    assert logical_name(grant.urn) == grant.name


def test_a_second_resource_with_the_same_urn_is_refused() -> None:
    def twice() -> dict[str, pulumi.Output[str]]:
        return {key: ConfigMap("s", metadata={"name": key}).id for key in ("one", "two")}

    with pytest.raises(Exception, match="duplicate resource URN"):
        record_component(twice)


def test_a_value_beside_a_secret_part_is_found() -> None:
    (place,) = object_with(marked=pulumi.Output.secret(HIDDEN), shown=HIDDEN).leaks(HIDDEN)
    assert logical_name(place) == "s"
    assert object_with(marked=pulumi.Output.secret(HIDDEN)).leaks(HIDDEN) == []


@pytest.mark.parametrize(
    "written",
    [f"x{HIDDEN}x", base64.b64encode(HIDDEN.encode()).decode(), json.dumps({"password": HIDDEN})],
    ids=["plain", "base64", "json"],
)
def test_a_value_is_found_however_it_is_written(written: str) -> None:
    assert len(object_with(shown=written).leaks(HIDDEN)) == 1


def test_an_export_is_searched_too() -> None:
    graph = record_component(lambda: {"told": pulumi.Output.from_input({"deep": [HIDDEN]})})
    assert graph.leaks(HIDDEN) == ["exports"]
