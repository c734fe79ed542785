"""`rhsi:edb.affinity` and `rhsi:edb.topologySpread`: on which nodes the instances of a cluster run.

The rules are the operator's (cloudnative-pg:internal/webhook/v1/cluster_webhook.go, validateTolerations).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.settings import edb_formats
from components.settings.mistakes import Mistake
from components.settings.section import Positive, Section, checked, section

NodeLabel = Annotated[str, Field(min_length=1), checked(edb_formats.label_name)]
NodeLabelValue = Annotated[str, checked(edb_formats.label_value)]


class Toleration(Section):
    """An entry of `rhsi:edb.affinity.tolerations`: a taint that the instances bear."""

    key: Annotated[str, checked(edb_formats.label_name)] = ""
    """The taint's key; empty, with `operator: Exists`, for every taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """`Equal` compares the value too, `Exists` the key only."""
    value: NodeLabelValue = ""
    """The taint's value, with `Equal`."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """The taint's effect; empty for every effect."""


class Affinity(Section):
    """`rhsi:edb.affinity`."""

    pod_anti_affinity: Literal["preferred", "required", "none"] = "preferred"
    """Whether two instances of the cluster may share a node: `preferred` avoids it, `required` never does it and leaves
    an instance pending instead, `none` does not care."""
    topology_key: Annotated[str, checked(edb_formats.label_name)] = ""
    """The node label whose values the instances keep apart, such as `topology.kubernetes.io/zone`; empty for the node
    itself."""
    node_selector: dict[NodeLabel, NodeLabelValue] = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: list[Toleration] = Field(default_factory=list)
    """Taints of nodes that the instances bear."""


class TopologySpread(Section):
    """An entry of `rhsi:edb.topologySpread`: how evenly the instances are spread; they are selected by themselves."""

    topology_key: NodeLabel
    """The node label whose values are the places, such as `topology.kubernetes.io/zone`."""
    max_skew: Positive = 1
    """By how many instances two places may differ."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "ScheduleAnyway"
    """What happens to an instance that would make the difference larger."""


def placement_mistakes(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    """What several keys of a toleration tell together; works on unchecked values."""
    given = section(edb, "affinity").get("tolerations")
    for index, one in enumerate(given if isinstance(given, list) else []):
        if not isinstance(one, dict):
            continue
        exists, path = one.get("operator") == "Exists", f"edb.affinity.tolerations.{index}"
        if not one.get("key") and not exists:
            fix = "name the taint's key, or write operator: Exists for every taint"
            yield Mistake.of(f"{path}.key", one.get("key"), fix)
        if one.get("value") and exists:
            yield Mistake.of(f"{path}.value", one["value"], "Exists compares no value; remove it, or write Equal")
