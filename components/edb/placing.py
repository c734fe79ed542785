"""Where the pods of a cluster run, in the words of the operator: a Cluster has no pod template, a Pooler has one.

Source: cloudnative-pg:api/v1/cluster_types.go, ClusterSpec and AffinityConfiguration; api/v1/pooler_types.go.
"""

from typing import Any

from components.container_resources import ContainerResources
from components.restricted_pod import PodShape, placement


def placed(spec: dict[str, Any], pod: PodShape, *pull_secrets: str) -> dict[str, Any]:
    """A Cluster's spec with the shape of its pods; what the spec says already of nodes and taints is added to it."""
    fields = placement(pod, *pull_secrets)
    affinity = dict(spec.get("affinity", {}))
    if selector := fields.pop("nodeSelector", {}):
        affinity["nodeSelector"] = {**selector, **affinity.get("nodeSelector", {})}
    if tolerations := fields.pop("tolerations", []):
        affinity["tolerations"] = [*tolerations, *affinity.get("tolerations", [])]
    return {**spec, **({"affinity": affinity} if affinity else {}), **fields}


def placed_pooler(spec: dict[str, Any], pod: PodShape, resources: ContainerResources) -> dict[str, Any]:
    """A Pooler's spec with the shape of its pods and the resources of PgBouncer; the operator's where both are empty.

    The operator fills in the container of this name; it refuses a template without any.
    """
    fields, needs = placement(pod), resources.manifest()
    if not fields and not needs:
        return spec
    container: dict[str, Any] = {"name": "pgbouncer", **({"resources": needs} if needs else {})}
    return {**spec, "template": {"spec": {**fields, "containers": [container]}}}
