"""On which nodes the pods of a cluster run, in the words of the operator.

A Cluster has no pod template, a Pooler has one. Source: cloudnative-pg:api/v1/cluster_types.go, ClusterSpec and
AffinityConfiguration; api/v1/pooler_types.go.
"""

from dataclasses import dataclass
from typing import Any

from components.container_resources import ContainerResources
from components.restricted_pod import PodShape, placement


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


def placed(spec: dict[str, Any], pod: PodShape, *pull_secrets: str) -> dict[str, Any]:
    """A Cluster's spec with the shape of its pods; what the spec says already of nodes and taints is added to it."""
    fields = placement(pod, *pull_secrets)
    affinity = dict(spec.get("affinity", {}))
    if selector := fields.pop("nodeSelector", {}):
        affinity["nodeSelector"] = {**selector, **affinity.get("nodeSelector", {})}
    if tolerations := fields.pop("tolerations", []):
        affinity["tolerations"] = [*tolerations, *affinity.get("tolerations", [])]
    return {**spec, **({"affinity": affinity} if affinity else {}), **fields}


def placed_pooler(
    spec: dict[str, Any], pod: PodShape, pull_secret: str, resources: ContainerResources
) -> dict[str, Any]:
    """A Pooler's spec with the shape of its pods and the resources of PgBouncer; the operator's where both are empty.

    The operator fills in the container of this name; it refuses a template without any. Its own pull secret is with the
    pods' account (cloudnative-pg:internal/controller/pooler_update.go), which gives it only to pods that name none: so
    these name the cluster's too.
    """
    fields, needs = placement(pod, *([pull_secret] if pod.image_pull_secrets else [])), resources.manifest()
    if not fields and not needs:
        return spec
    container: dict[str, Any] = {"name": "pgbouncer", **({"resources": needs} if needs else {})}
    return {**spec, "template": {"spec": {**fields, "containers": [container]}}}
