"""Which claims get a volume of the lab's, what it looks like, and when it goes again: as pure rules.

Owns the StorageClass `lab`, the shape of a PersistentVolume and its reclaim (as sig-storage's external provisioner does
it: the controller manager's binder names the provisioner on a claim, binds what the provisioner makes, and marks a
volume Released). Does not touch a folder or a server.
"""

from collections.abc import Sequence

from lab.kube import Manifest

PROVISIONER = "rhsi.lab/folder"
STORAGE_CLASS = "lab"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_ASKED = "volume.kubernetes.io/storage-provisioner"
_MADE_BY = "pv.kubernetes.io/provisioned-by"
_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"


def storage_class(others: Sequence[Manifest]) -> Manifest:
    """The lab's class; the default one of a cluster that has no default among its others."""
    defaults = [
        one
        for one in others
        if one["metadata"]["name"] != STORAGE_CLASS
        and (one["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
    ]
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {_DEFAULT: "false" if defaults else "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def is_asked_of_us(claim: Manifest) -> bool:
    """Whether the binder wants a volume for the claim from this provisioner."""
    metadata, spec = claim["metadata"], claim["spec"]
    asked = (metadata.get("annotations") or {}).get(_ASKED) == PROVISIONER
    return asked and not spec.get("volumeName") and not metadata.get("deletionTimestamp")


def obstacle(claim: Manifest) -> str:
    """Why the claim can never be given a folder; empty where it can."""
    if claim["spec"].get("volumeMode") == "Block":
        return "the lab has folders only, no block devices: set volumeMode to Filesystem"
    if claim["spec"].get("selector") is not None:
        return "claim.spec.selector is not supported for dynamic provisioning: remove it"
    return ""


def volume_name(claim: Manifest) -> str:
    """The same for one claim at every attempt, so that none is given two volumes."""
    return f"pvc-{claim['metadata']['uid']}"


def volume_for(claim: Manifest, of_class: Manifest, folder: str, node: str) -> Manifest:
    """The volume that is bound to the claim, as large as asked for."""
    metadata, spec = claim["metadata"], claim["spec"]
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            "annotations": {_MADE_BY: PROVISIONER},
            # Or somebody who deletes the volume's object would leave the folder behind.
            "finalizers": [_FINALIZER],
        },
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": "Filesystem",
            "storageClassName": spec["storageClassName"],
            "persistentVolumeReclaimPolicy": of_class.get("reclaimPolicy") or "Delete",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in ("name", "namespace", "uid")},
            },
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }


def is_ours(volume: Manifest) -> bool:
    """Whether this provisioner has made the volume."""
    return (volume["metadata"].get("annotations") or {}).get(_MADE_BY) == PROVISIONER


def is_to_be_removed(volume: Manifest) -> bool:
    """Whether the folder goes with the volume now: nobody claims it any more, and its policy is Delete."""
    if not is_ours(volume) or volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
        return False
    phase = (volume.get("status") or {}).get("phase")
    return phase == "Released" or (bool(volume["metadata"].get("deletionTimestamp")) and phase != "Bound")


def holds(volume: Manifest) -> bool:
    """Whether our finalizer keeps the volume, because its folder may be there still."""
    return _FINALIZER in (volume["metadata"].get("finalizers") or [])


def other_finalizers(volume: Manifest) -> list[str]:
    """The volume's finalizers without ours."""
    return [name for name in volume["metadata"].get("finalizers") or [] if name != _FINALIZER]
