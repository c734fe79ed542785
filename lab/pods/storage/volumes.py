"""The volumes of one pod: files made of Secrets, ConfigMaps, tokens and the pod's own fields, and empty folders.

Owns their folders under the pod's work folders (`workspace.py`; a secret only ever goes to the one in memory) and the
list of a container's mounts. Modes and owners follow a kubelet with an fsGroup: files belong to that group and it may
read them. Kinds of volumes that need a cluster's storage are refused by name.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lab.kube import Manifest
from lab.pods.containers.variables import ContainerConfigError, Find, Kind, data_of, expand, pod_field
from lab.pods.walls.plan import Mount

TokenSource = Callable[[str | None, int | None], str]
"""Gives a service-account token for an audience (None: the API server's) and a life in seconds (None: the default)."""

_DEFAULT_MODE = 0o644
_GROUP_READS = 0o440


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
    """What the volume holds by relative path; None for an empty folder that the pod fills itself.

    Raises:
        VolumeError: something that the volume names is absent, or the lab has no such kind of volume.
    """
    if "emptyDir" in volume:
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


def _own(path: Path, group: int) -> None:
    """Only root can give files away; otherwise the container runs as the runner's own user."""
    if os.geteuid() == 0:
        os.chown(path, 0, group)


def _write(path: Path, content: Content, group: int) -> None:
    """Replace the file at once: the pod may be reading it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.data)
    _own(fresh, group)
    fresh.chmod(content.mode | _GROUP_READS)
    fresh.replace(path)


def _inside(folder: Path, relative: str) -> Path:
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts:
        raise VolumeError(f"path {relative!r} leaves its volume")
    return folder / parts


def _may_be_large(volume: Manifest) -> bool:
    return "emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory"


def _present_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


class Volumes:
    """The folders of one pod's volumes, made and kept up to date by `refresh`."""

    def __init__(self, pod: Manifest, folder: Path, large_folder: Path, group: int) -> None:
        """`large_folder` is for empty folders that are not asked to be in memory."""
        self._pod = pod
        self._group = group
        self._volumes: dict[str, Manifest] = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
        self._folders = {
            name: (large_folder if _may_be_large(volume) else folder) / name for name, volume in self._volumes.items()
        }

    def refresh(self, find: Find, token: TokenSource) -> None:
        """Make what is missing, write what has changed, remove what is gone.

        Raises:
            VolumeError: in a kubelet's words, with the volume's name.
        """
        for name, volume in self._volumes.items():
            try:
                files = files_of(self._pod, volume, find, token)
                self._make(self._folders[name], files)
            except (VolumeError, ContainerConfigError) as error:
                raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error

    def _make(self, folder: Path, files: Files | None) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _own(folder, self._group)
            folder.chmod(0o2777 if files is None else 0o755)
        if files is None:
            return
        for relative, content in files.items():
            path = _inside(folder, relative)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.read_bytes() != content.data:
                _write(path, content, self._group)
        for path in _present_files(folder):
            if str(path.relative_to(folder)) not in files:
                path.unlink()

    def mounts(self, container: Manifest, variables: dict[str, str]) -> list[Mount]:
        """The container's mounts, outer folders before what lies inside them.

        Raises:
            ContainerConfigError: a mount names no volume of the pod, or a subPath that is not there.
        """
        made = []
        for mount in container.get("volumeMounts") or []:
            name = mount["name"]
            if name not in self._volumes:
                raise ContainerConfigError(f'volume mount "{name}" names no volume of the pod')
            source = self._folders[name]
            filled_by_pod = "emptyDir" in self._volumes[name]
            if below := expand(mount.get("subPathExpr") or "", variables) or mount.get("subPath"):
                source = self._below(source, below, may_make=filled_by_pod)
            made.append(
                Mount(
                    source=str(source.resolve()),
                    target=mount["mountPath"],
                    read_only=bool(mount.get("readOnly")) or not filled_by_pod,
                )
            )
        return sorted(made, key=lambda mount: PurePosixPath(mount.target).parts)

    def _below(self, folder: Path, relative: str, *, may_make: bool) -> Path:
        try:
            path = _inside(folder, relative)
        except VolumeError as error:
            raise ContainerConfigError(f"subPath: {error}") from error
        if not path.exists() and may_make:
            path.mkdir(parents=True)
            _own(path, self._group)
            path.chmod(0o2777)
        # A pod may have put a symbolic link where its other container's subPath is.
        if not path.exists() or not path.resolve().is_relative_to(folder.resolve()):
            raise ContainerConfigError(f"subPath {relative!r} does not exist in its volume")
        return path
