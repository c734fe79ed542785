"""On which nodes a cluster's instances run, as parts of a Cluster's spec."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PlacementArgs:
    """Where instances may run and how they keep apart; by default the operator's own preferences.

    Attributes:
        anti_affinity: `preferred` (the operator's default), `required` or `none`.
        topology_key: label of nodes that tells two places apart; empty for the node itself.
        node_selector: labels that a node must have.
        tolerations: as Kubernetes has them.
        spread: as Kubernetes' topologySpreadConstraints, without the selector.
    """

    anti_affinity: str
    topology_key: str
    node_selector: dict[str, str]
    tolerations: list[dict[str, Any]]
    spread: list[dict[str, Any]]


def placement_spec(args: PlacementArgs, metadata_prefix: str, cluster: str) -> dict[str, Any]:
    """`affinity` and `topologySpreadConstraints`; what is not asked for is absent.

    Args:
        args: what is asked for.
        metadata_prefix: of the operator's labels.
        cluster: whose instances are spread.
    """
    affinity: dict[str, Any] = {}
    if args.anti_affinity == "none":
        affinity["enablePodAntiAffinity"] = False
    elif args.anti_affinity != "preferred":
        affinity["podAntiAffinityType"] = args.anti_affinity
    if args.topology_key:
        affinity["topologyKey"] = args.topology_key
    if args.node_selector:
        affinity["nodeSelector"] = args.node_selector
    if args.tolerations:
        affinity["tolerations"] = args.tolerations
    selector = {"matchLabels": {f"{metadata_prefix}/cluster": cluster, f"{metadata_prefix}/podRole": "instance"}}
    spread = [{**one, "labelSelector": selector} for one in args.spread]
    return ({"affinity": affinity} if affinity else {}) | ({"topologySpreadConstraints": spread} if spread else {})
