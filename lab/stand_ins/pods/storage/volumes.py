"""The volumes of one pod: files made of API objects, empty folders, and folders that claims stand for.

Owns their folders under the pod's work folders (`workspace.py`; a secret only ever goes to the one in memory) and the
list of a container's mounts. Modes and owners follow a kubelet with an fsGroup: files belong to that group and it may
read them. What files hold is `contents.py`'s business, which folder a claim stands for `claims.py`'s.
"""

from pathlib import Path, PurePosixPath

from lab.kube import Manifest
from lab.stand_ins.pods.containers.variables import ContainerConfigError, Find, expand
from lab.stand_ins.pods.storage.claims import ClaimError, Claims, give_to_group
from lab.stand_ins.pods.storage.contents import Files, TokenSource, VolumeError, files_of
from lab.stand_ins.pods.storage.publishing import inside, own, publish
from lab.stand_ins.pods.walls.plan import Mount


def _may_be_large(volume: Manifest) -> bool:
    return "emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory"


class Volumes:
    """The folders of one pod's volumes, made and kept up to date by `refresh`."""

    def __init__(self, pod: Manifest, folder: Path, large_folder: Path, group: int, claims: Claims) -> None:
        """`large_folder` is for empty folders that are not asked to be in memory."""
        self._pod = pod
        self._group = group
        self._claims = claims
        self._claimed: set[str] = set()
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
                if claim := volume.get("persistentVolumeClaim"):
                    self._take(name, claim["claimName"])
                else:
                    self._make(self._folders[name], files)
            except (VolumeError, ClaimError, ContainerConfigError) as error:
                raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error

    def _take(self, name: str, claim: str) -> None:
        """Use the claim's folder; once for a pod it is given to the pod's group."""
        if name in self._claimed:
            return
        folder = self._claims.folder(claim)
        policy = (self._pod["spec"].get("securityContext") or {}).get("fsGroupChangePolicy") or "Always"
        give_to_group(folder, self._group, policy)
        self._folders[name] = folder
        self._claimed.add(name)

    def _make(self, folder: Path, files: Files | None) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            own(folder, self._group)
            folder.chmod(0o2777 if files is None else 0o755)
        if files is not None:
            publish(folder, files, self._group)

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
            volume = self._volumes[name]
            claim = volume.get("persistentVolumeClaim") or {}
            filled_by_pod = "emptyDir" in volume or bool(claim)
            if below := expand(mount.get("subPathExpr") or "", variables) or mount.get("subPath"):
                source = self._below(source, below, may_make=filled_by_pod)
            made.append(
                Mount(
                    source=str(source.resolve()),
                    target=mount["mountPath"],
                    read_only=bool(mount.get("readOnly") or claim.get("readOnly")) or not filled_by_pod,
                )
            )
        return sorted(made, key=lambda mount: PurePosixPath(mount.target).parts)

    def _below(self, folder: Path, relative: str, *, may_make: bool) -> Path:
        try:
            path = inside(folder, relative)
        except VolumeError as error:
            raise ContainerConfigError(f"subPath: {error}") from error
        if not path.exists() and may_make:
            path.mkdir(parents=True)
            own(path, self._group)
            path.chmod(0o2777)
        # A pod may have put a symbolic link where its other container's subPath is.
        if not path.exists() or not path.resolve().is_relative_to(folder.resolve()):
            raise ContainerConfigError(f"subPath {relative!r} does not exist in its volume")
        return path
