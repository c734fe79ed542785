"""When a change to a Kubernetes object is an update, and when a replacement.

Source: pulumi-kubernetes:provider/pkg/provider/diff.go (the fields) and `Diff` in provider.go.
"""

from typing import Any

from lab.pulumi import paths
from lab.pulumi.compare import differences
from lab.pulumi.kubernetes import objects
from lab.pulumi.kubernetes.cluster import Manifest
from lab.pulumi.paths import Path
from lab.pulumi.provider import Diff

_SELECTOR = ("spec.selector",)
_STATEFUL_SET = (
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
)
_VOLUME_CLAIM = ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName")
_FORCE_NEW: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "StatefulSet"): _STATEFUL_SET,
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("", "PersistentVolumeClaim"): _VOLUME_CLAIM,
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    # A pod can hardly be changed at all; upstream's long list differs in what nobody sets.
    ("", "Pod"): ("spec",),
}


def force_new(body: Manifest, *, secret_mutable: bool, config_map_mutable: bool) -> list[Path]:
    """The paths at which a change replaces the object."""
    group = body["apiVersion"].rpartition("/")[0]
    kind = body["kind"]
    fields: tuple[str, ...] = _FORCE_NEW.get((group, kind), ())
    if group == "" and kind == "Secret":
        fields = ("type",) if secret_mutable and not body.get("immutable") else ("type", "stringData", "data")
    if group == "" and kind == "ConfigMap" and (not config_map_mutable or body.get("immutable")):
        fields = ("binaryData", "data")
    return [paths.parse(field) for field in ("metadata.name", "metadata.namespace", *fields)]


def object_diff(
    old_inputs: Manifest,
    live: Manifest,
    new: Manifest,
    replacing: list[Path],
    ignore_changes: list[str],
    *,
    replace_unready: bool,
) -> Diff:
    """How a live object differs from new inputs, as far as its old inputs went.

    An object that must be replaced and keeps its name makes room for the new one first.
    """
    old = objects.without_read_only(objects.live_inputs(live, old_inputs))
    old, new = _with_namespace(old), _with_namespace(new)
    old["metadata"]["name"] = live["metadata"]["name"]
    ignored = [paths.parse(path) for path in ignore_changes]
    detailed = _detailed(old, new, replacing, ignored)
    replace = [path for path, kind in detailed.items() if kind.endswith("-replace")]
    replace += [f'.metadata.annotations["{objects.REPLACE_UNREADY}"]'] if replace_unready else []
    here = _with_namespace(live)["metadata"]
    stays = all(new["metadata"].get(key) == here[key] for key in ("name", "namespace"))
    autonamed = objects.annotation(new, objects.AUTONAMED) == "true"
    return Diff(bool(detailed) or bool(replace), replace, detailed, bool(replace) and stays and not autonamed)


def _with_namespace(body: Manifest) -> Manifest:
    metadata = dict(body.get("metadata") or {})
    return {**body, "metadata": {**metadata, "namespace": metadata.get("namespace") or "default"}}


def _detailed(old: Manifest, new: Manifest, replacing: list[Path], ignored: list[Path]) -> dict[str, str]:
    """The kind of every difference by path; `-replace` is added where it forces a replacement."""
    found = {}
    for path, kind in differences(old, new).items():
        if any(paths.contains(outer, path) for outer in ignored):
            continue
        value = paths.get(new if kind != "delete" else old, path)[1]
        replaces = any(_touches(path, value, field) for field in replacing)
        found[paths.render(path)] = f"{kind}-replace" if replaces else kind
    return found


def _touches(path: Path, value: Any, field: Path) -> bool:
    """Whether a change at `path` is one at, below or around the field."""
    if paths.contains(field, path):
        return True
    return paths.contains(path, field) and paths.get(value, field[len(path) :])[0]
