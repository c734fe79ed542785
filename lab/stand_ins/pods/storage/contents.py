"""What the files of volumes hold: Secrets, ConfigMaps, tokens and the pod's own fields, by relative path.

Reads objects through a function that it is given. Kinds of volumes that the lab has not are refused by name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.pods.containers.variables import Find, Kind, data_of, pod_field

TokenSource = Callable[[str | None, int | None], str]
"""Gives a service-account token for an audience (None: the API server's) and a life in seconds (None: the default)."""

_DEFAULT_MODE = 0o644


class VolumeError(Exception):
    """Why a volume is not there yet; a kubelet tries again until it is."""


@dataclass(frozen=True)
class Content:
    """One file of a volume before it is written."""

    data: bytes
    mode: int


Files = dict[str, Content]


def _of_object(kind: Kind, name: str, source: Manifest, mode: int, find: Find) -> Files:
    found = find(kind, name)
    if found is None:
        if source.get("optional"):
            return {}
        raise VolumeError(f'{kind.lower()} "{name}" not found')
    data = data_of(kind, found)
    if not source.get("items"):
        return {key: Content(value, mode) for key, value in data.items()}
    files: Files = {}
    for item in source["items"]:
        if item["key"] in data:
            files[item["path"]] = Content(data[item["key"]], item.get("mode") or mode)
        elif not source.get("optional"):
            raise VolumeError(f"references non-existent {kind.lower()} key: {item['key']}")
    return files


def _of_fields(pod: Manifest, source: Manifest, mode: int) -> Files:
    files: Files = {}
    for item in source.get("items") or []:
        if "fieldRef" not in item:
            raise VolumeError(f"downwardAPI item {item['path']}: only fieldRef is available in the lab")
        value = pod_field(pod, item["fieldRef"]["fieldPath"])
        files[item["path"]] = Content(value.encode(), item.get("mode") or mode)
    return files


def _of_projection(pod: Manifest, source: Manifest, find: Find, token: TokenSource, mode: int) -> Files:
    if part := source.get("secret"):
        return _of_object("Secret", part["name"], part, mode, find)
    if part := source.get("configMap"):
        return _of_object("ConfigMap", part["name"], part, mode, find)
    if part := source.get("downwardAPI"):
        return _of_fields(pod, part, mode)
    if part := source.get("serviceAccountToken"):
        value = token(part.get("audience"), part.get("expirationSeconds"))
        return {part["path"]: Content(value.encode(), mode)}
    raise VolumeError(f"projected source {', '.join(sorted(source))} is not available in the lab")


def files_of(pod: Manifest, volume: Manifest, find: Find, token: TokenSource) -> Files | None:
    """What the volume holds by relative path; None for a folder that the pod fills itself.

    Raises:
        VolumeError: something that the volume names is absent, or the lab has no such kind of volume.
    """
    if "emptyDir" in volume or "persistentVolumeClaim" in volume:
        return None
    if part := volume.get("secret"):
        return _of_object("Secret", part["secretName"], part, part.get("defaultMode") or _DEFAULT_MODE, find)
    if part := volume.get("configMap"):
        return _of_object("ConfigMap", part["name"], part, part.get("defaultMode") or _DEFAULT_MODE, find)
    if part := volume.get("downwardAPI"):
        return _of_fields(pod, part, part.get("defaultMode") or _DEFAULT_MODE)
    if part := volume.get("projected"):
        mode = part.get("defaultMode") or _DEFAULT_MODE
        files: Files = {}
        for source in part.get("sources") or []:
            files |= _of_projection(pod, source, find, token, mode)
        return files
    kinds = sorted(set(volume) - {"name"})
    raise VolumeError(f"the lab has no volumes of kind {', '.join(kinds) or 'none'}")
