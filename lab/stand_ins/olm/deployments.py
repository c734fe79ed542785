"""The Deployments of a CSV: what they are to be, and whether they are healthy.

Owns their form (pkg/controller/install/deployment.go, olm/overrides) and OLM's words about their status
(pkg/controller/install/status_viewer.go). Does not own the status: that is of whoever stands for the operator's pods.
"""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.olm.kinds import CSV, MANAGED, SPEC_HASH, TARGETS, non_blocking_owner


@dataclass(frozen=True)
class Health:
    """What is wrong with the Deployments of a CSV, empty where all are available; `is_over`: it will not get better."""

    said: str = ""
    is_over: bool = False


def wanted(csv: Manifest, config: Manifest) -> Iterator[Manifest]:
    """The Deployments that a CSV installs, with what its Subscription's `spec.config` adds to their pods."""
    metadata = csv["metadata"]
    for described in csv["spec"]["install"]["spec"]["deployments"]:
        spec = copy.deepcopy(described["spec"])
        template = spec["template"]
        annotations = metadata.get("annotations") or {}
        inherited = {key: annotations[key] for key in sorted(annotations) if key.startswith("olm.") or key == TARGETS}
        template["metadata"]["annotations"] = {**inherited, **(config.get("annotations") or {})}
        _configure(template["spec"], config)
        labels = {
            **MANAGED,
            "olm.owner": metadata["name"],
            "olm.owner.kind": CSV.name,
            "olm.owner.namespace": metadata["namespace"],
            SPEC_HASH: _hash(spec),
        }
        yield {
            "metadata": {
                "name": described["name"],
                "labels": labels,
                "ownerReferences": [non_blocking_owner(CSV, csv)],
            },
            "spec": spec,
        }


def changed(csv: Manifest, config: Manifest, present: Mapping[str, Manifest]) -> str:
    """Which Deployment is not what the CSV and its Subscription's `spec.config` ask for; empty where each is."""
    for one in wanted(csv, config):
        name, new = one["metadata"]["name"], one["metadata"]["labels"][SPEC_HASH]
        old = ((present.get(name) or {}).get("metadata") or {}).get("labels", {}).get(SPEC_HASH, new)
        if old != new:
            return f"deployment changed old hash={old}, new hash={new}"
    return ""


def health(csv: Manifest, present: Mapping[str, Manifest]) -> Health:
    """What OLM says of the Deployments, the first that is not available."""
    for described in csv["spec"]["install"]["spec"]["deployments"]:
        name = described["name"]
        found = present.get(name)
        if found is None or not _is_owned(found, csv):
            return Health(f"deployment {name} not found")
        status = found.get("status") or {}
        if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
            waiting = f'waiting for spec update of deployment "{name}" to be observed...'
        elif conditions.find(status, "Progressing").get("reason") == "ProgressDeadlineExceeded":
            exceeded = f'deployment "{name}" exceeded its progress deadline'
            return Health(f"deployment {name} not ready before timeout: {exceeded}", is_over=True)
        elif not conditions.is_true(status, "Available"):
            available = conditions.find(status, "Available")
            reason = available.get("message") if available else 'missing condition "Available"'
            waiting = f'deployment "{name}" not available: {reason}'
        else:
            continue
        return Health(f"waiting for deployment {name} to become ready: {waiting}")
    return Health()


def _is_owned(deployment: Manifest, csv: Manifest) -> bool:
    owners = deployment["metadata"].get("ownerReferences") or []
    return any(one["uid"] == csv["metadata"]["uid"] for one in owners)


def _configure(pods: Manifest, config: Manifest) -> None:
    """Put `spec.config` of a Subscription into the pods: what it names wins over what the CSV has."""
    for container in pods["containers"]:
        for field in ("env", "volumeMounts"):
            if added := config.get(field):
                names = {one["name"] for one in added}
                container[field] = [*(one for one in container.get(field) or [] if one["name"] not in names), *added]
        if added := config.get("envFrom"):
            container["envFrom"] = [*(container.get("envFrom") or []), *added]
        if config.get("resources"):
            container["resources"] = config["resources"]
    for field in ("tolerations", "volumes"):
        if added := config.get(field):
            pods[field] = [*(pods.get(field) or []), *added]
    for field in ("nodeSelector", "affinity"):
        if config.get(field):
            pods[field] = config[field]


def _hash(spec: Manifest) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:20]
