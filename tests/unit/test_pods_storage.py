"""Claims, the volumes that they are given, and who owns the data in them."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.pods.storage.claims import ClaimError, Claims, give_to_group
from lab.stand_ins.pods.storage.contents import Content, VolumeError
from lab.stand_ins.pods.storage.provisioning import (
    PROVISIONER,
    holds,
    is_asked_of_us,
    is_to_be_removed,
    obstacle,
    other_finalizers,
    storage_class,
    volume_for,
    volume_name,
)
from lab.stand_ins.pods.storage.publishing import publish

GROUP = os.getgid()
DEFAULT = "storageclass.kubernetes.io/is-default-class"
FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"


def claim(*, phase: str = "Pending", provisioner: str = PROVISIONER, **spec: Any) -> Manifest:
    return {
        "metadata": {
            "name": "data-db-0",
            "namespace": "rhsi",
            "uid": "claim-uid",
            "annotations": {"volume.kubernetes.io/storage-provisioner": provisioner},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "lab",
            "resources": {"requests": {"storage": "10Gi"}},
            **spec,
        },
        "status": {"phase": phase},
    }


def volume(phase: str, *, policy: str = "Delete", path: str = "/x", deleted: bool = False) -> Manifest:
    made = volume_for(claim(), {"reclaimPolicy": policy}, path, "lab")
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}
    return {**made, "metadata": {**made["metadata"], **gone}, "status": {"phase": phase}}


def test_the_labs_class_is_the_default_of_a_cluster_that_has_none() -> None:
    def named(name: str, default: str) -> Manifest:
        return {"metadata": {"name": name, "annotations": {DEFAULT: default}}}

    def is_default(*others: Manifest) -> bool:
        return bool(storage_class(others)["metadata"]["annotations"][DEFAULT] == "true")

    assert is_default()
    assert is_default(named("slow", "false"), named("lab", "true"), {"metadata": {"name": "plain"}})
    assert not is_default(named("gp3-csi", "true"))


def test_only_a_claim_that_the_binder_has_given_to_us_and_that_has_none_gets_a_volume() -> None:
    assert is_asked_of_us(claim())
    assert not is_asked_of_us(claim(provisioner="ebs.csi.aws.com"))
    assert not is_asked_of_us(claim(volumeName="pvc-1"))
    deleted = claim()
    deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not is_asked_of_us(deleted)


def test_a_volume_is_the_claims_own_and_as_the_claim_asks() -> None:
    made = volume_for(claim(), {"reclaimPolicy": "Retain"}, "/lab/volumes/x", "lab")
    spec = made["spec"]
    assert made["metadata"]["name"] == volume_name(claim()) == "pvc-claim-uid"
    assert (spec["capacity"], spec["accessModes"], spec["storageClassName"]) == (
        {"storage": "10Gi"},
        ["ReadWriteOnce"],
        "lab",
    )
    assert spec["claimRef"]["uid"] == "claim-uid"
    assert (spec["persistentVolumeReclaimPolicy"], spec["local"]) == ("Retain", {"path": "/lab/volumes/x"})


@pytest.mark.parametrize(
    ("spec", "why"),
    [({}, ""), ({"volumeMode": "Block"}, "volumeMode"), ({"selector": {"matchLabels": {}}}, "selector")],
)
def test_what_no_folder_can_be_is_refused_with_the_way_out(spec: Manifest, why: str) -> None:
    found = obstacle(claim(**spec))
    assert why in found
    assert bool(found) is bool(why)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (volume("Bound"), False),
        (volume("Released"), True),
        (volume("Released", policy="Retain"), False),
        (volume("Bound", deleted=True), False),
        (volume("Available", deleted=True), True),
        (volume("Available", deleted=True, policy="Retain"), False),
    ],
)
def test_a_folder_goes_when_nobody_claims_it_any_more_and_its_policy_says_so(
    given: Manifest, *, expected: bool
) -> None:
    assert is_to_be_removed(given) is expected


def test_volumes_of_others_are_left_alone() -> None:
    theirs = volume("Released")
    theirs["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com"}
    assert not is_to_be_removed(theirs)


def test_only_our_finalizer_is_taken_away() -> None:
    made = volume("Released")
    made["metadata"]["finalizers"] = ["kubernetes.io/pv-protection", FINALIZER]
    assert holds(made)
    assert other_finalizers(made) == ["kubernetes.io/pv-protection"]
    made["metadata"]["finalizers"] = other_finalizers(made)
    assert not holds(made)


def claims(*objects: Manifest) -> Claims:
    """The claims of a pod that names data-db-0, in a cluster with these objects."""
    known = {one["metadata"]["name"]: one for one in objects}
    pod = {"spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]}}
    return Claims(pod, lambda _kind, name: known.get(name))


def test_a_pod_is_held_until_its_claims_are_bound_in_the_words_of_a_scheduler() -> None:
    assert claims().unschedulable() == '0/1 nodes are available: persistentvolumeclaim "data-db-0" not found.'
    assert "unbound immediate" in claims(claim()).unschedulable()
    assert claims(claim(phase="Bound")).unschedulable() == ""
    leaving = claim(phase="Bound")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert "is being deleted" in claims(leaving).unschedulable()


def test_a_claim_stands_for_the_folder_of_its_volume(tmp_path: Path) -> None:
    bound = claim(phase="Bound", volumeName="pvc-claim-uid")
    assert claims(bound, volume("Bound", path=str(tmp_path))).folder("data-db-0") == tmp_path


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], "is not bound"),
        ([claim()], "is not bound"),
        ([claim(phase="Bound", volumeName="pvc-nfs")], "that the lab has not made"),
        ([claim(phase="Bound", volumeName="pvc-claim-uid"), volume("Bound", path="/absent")], "is gone: /absent"),
    ],
)
def test_a_claim_without_a_folder_says_why(objects: list[Manifest], message: str) -> None:
    with pytest.raises(ClaimError, match=message):
        claims(*objects).folder("data-db-0")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to a group")
def test_an_fs_group_gets_everything_and_tightened_modes_are_loosened_as_by_a_kubelet(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "pgdata").mkdir(parents=True, mode=0o700)
    (root / "file").touch(mode=0o600)
    (root / "link").symlink_to("/etc/passwd")
    before = Path("/etc/passwd").stat()
    give_to_group(root, 4711, "Always")
    found = modes(root)
    assert (found["root"], found["pgdata"], found["file"]) == (0o2775, 0o2770, 0o660)
    assert {path.stat().st_gid for path in (root, root / "pgdata", root / "file")} == {4711}
    after = Path("/etc/passwd").stat()
    assert (before.st_gid, before.st_mode) == (after.st_gid, after.st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to a group")
def test_on_root_mismatch_a_volume_that_fits_stays_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    give_to_group(root, 4711, "OnRootMismatch")
    (root / "pgdata").mkdir(mode=0o700)
    (root / "pgdata").chmod(0o700)
    give_to_group(root, 4711, "OnRootMismatch")
    assert modes(root)["pgdata"] == 0o700


def held(folder: Path) -> dict[str, bytes]:
    """What a container sees: through links, and without the publisher's own names."""
    shown = [path for path in folder.iterdir() if not path.name.startswith("..")]
    walked = [Path(parent, name) for path in shown for parent, _, names in os.walk(path) for name in names]
    files = [*(path for path in shown if path.is_file()), *walked]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_files_are_shown_through_one_link_that_changes_them_all_at_once(tmp_path: Path) -> None:
    publish(tmp_path, {"user": Content(b"a", 0o400), "password": Content(b"1", 0o400)}, GROUP)
    first = (tmp_path / "..data").readlink()
    assert held(tmp_path) == {"user": b"a", "password": b"1"}
    publish(tmp_path, {"user": Content(b"b", 0o400), "password": Content(b"2", 0o400)}, GROUP)
    assert held(tmp_path) == {"user": b"b", "password": b"2"}
    assert (tmp_path / "..data").readlink() != first
    assert not (tmp_path / first).exists()
    assert (tmp_path / "user").readlink() == Path("..data/user")


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    files = {"bin/run": Content(b"x", 0o555), "mode": Content(b"y", 0o400)}
    publish(tmp_path, files, GROUP)
    first = (tmp_path / "..data").readlink()
    publish(tmp_path, files, GROUP)
    assert (tmp_path / "..data").readlink() == first
    publish(tmp_path, {**files, "mode": Content(b"y", 0o444)}, GROUP)
    assert (tmp_path / "..data").readlink() != first


def test_a_file_that_is_no_longer_held_is_no_longer_shown(tmp_path: Path) -> None:
    publish(tmp_path, {"a": Content(b"", 0o400), "dir/b": Content(b"", 0o400)}, GROUP)
    publish(tmp_path, {"dir/c": Content(b"", 0o400)}, GROUP)
    assert held(tmp_path) == {"dir/c": b""}
    assert not (tmp_path / "a").is_symlink()


def test_a_path_that_leaves_its_volume_changes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, {"a": Content(b"1", 0o400)}, GROUP)
    with pytest.raises(VolumeError, match="leaves its volume"):
        publish(tmp_path, {"a": Content(b"2", 0o400), "../b": Content(b"", 0o400)}, GROUP)
    assert held(tmp_path) == {"a": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["..data", (tmp_path / "..data").readlink().name, "a"]
    )
