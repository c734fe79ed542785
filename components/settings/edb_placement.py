"""`rhsi:edb.affinity` and `rhsi:edb.topologySpread`: on which nodes the instances of a cluster run."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings import labels
from components.settings.labels import LabelValue, NodeKey
from components.settings.section import Positive, Section, checked
from components.settings.tolerations import Toleration


class Affinity(Section):
    """`rhsi:edb.affinity`."""

    pod_anti_affinity: Literal["preferred", "required", "none"] = "preferred"
    """Whether two instances of the cluster may share a node: `preferred` avoids it, `required` never does it and leaves
    an instance pending instead, `none` does not care."""
    topology_key: Annotated[str, checked(labels.any_key)] = ""
    """The node label whose values the instances keep apart, such as `topology.kubernetes.io/zone`; empty for the node
    itself."""
    node_selector: dict[NodeKey, LabelValue] = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: list[Toleration] = Field(default_factory=list)
    """Taints of nodes that the instances bear."""


class TopologySpread(Section):
    """An entry of `rhsi:edb.topologySpread`: how evenly the instances are spread; they are selected by themselves."""

    topology_key: NodeKey
    """The node label whose values are the places, such as `topology.kubernetes.io/zone`."""
    max_skew: Positive = 1
    """By how many instances two places may differ."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "ScheduleAnyway"
    """What happens to an instance that would make the difference larger."""
