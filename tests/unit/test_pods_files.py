"""Volumes and logs of pods, as files."""

import base64
import os
import re
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from lab.home import Home, LabError
from lab.kube import Manifest
from lab.stand_ins.pods import logs
from lab.stand_ins.pods.cluster import Cluster
from lab.stand_ins.pods.containers.service_account import Tokens, with_cluster_ca
from lab.stand_ins.pods.containers.variables import ContainerConfigError, Kind
from lab.stand_ins.pods.storage.claims import Claims
from lab.stand_ins.pods.storage.contents import VolumeError
from lab.stand_ins.pods.storage.volumes import Volumes
from lab.stand_ins.pods.workspace import Workspace

GROUP = os.getgid()
OBJECTS: dict[tuple[Kind, str], Manifest] = {}


def find(kind: Kind, name: str) -> Manifest | None:
    return OBJECTS.get((kind, name))


def token(audience: str | None, seconds: int | None) -> str:
    return f"token for {audience} {seconds}"


@pytest.fixture(autouse=True)
def objects(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {"data": {"code": base64.b64encode(b"xyz").decode(), "url": base64.b64encode(b"https://a").decode()}}
    monkeypatch.setitem(OBJECTS, ("Secret", "link"), secret)
    monkeypatch.setitem(OBJECTS, ("ConfigMap", "scripts"), {"data": {"run.sh": "#!/bin/sh\n"}})


def made(tmp_path: Path, *volumes: Manifest) -> Volumes:
    pod = {
        "metadata": {"name": "p", "namespace": "rhsi", "uid": "u", "labels": {"a": "b"}},
        "spec": {"volumes": list(volumes)},
    }
    return Volumes(pod, tmp_path / "small", tmp_path / "large", GROUP, Claims(pod, lambda *_: None))


def source(volumes: Volumes, name: str, **mount: Any) -> Path:
    container = {"volumeMounts": [{"name": name, "mountPath": "/m", **mount}]}
    return Path(volumes.mounts(container, {"POD": "p"})[0].source)


def visible(folder: Path) -> dict[str, str]:
    """What a container sees: names that begin with two dots are the publisher's own."""
    return {file.name: file.read_text() for file in folder.iterdir() if not file.name.startswith("..")}


def test_a_secret_becomes_files_that_its_group_alone_may_read(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "v", "secret": {"secretName": "link", "defaultMode": 0o400}})
    volumes.refresh(find, token)
    folder = source(volumes, "v")
    assert visible(folder) == {"code": "xyz", "url": "https://a"}
    assert stat.S_IMODE((folder / "code").stat().st_mode) == 0o440
    assert (folder / "code").stat().st_gid == GROUP


def test_items_choose_rename_and_set_modes(tmp_path: Path) -> None:
    items = [{"key": "run.sh", "path": "bin/run", "mode": 0o555}]
    volumes = made(tmp_path, {"name": "v", "configMap": {"name": "scripts", "items": items}})
    volumes.refresh(find, token)
    file = source(volumes, "v") / "bin" / "run"
    assert stat.S_IMODE(file.stat().st_mode) == 0o555
    assert sorted(path.name for path in source(volumes, "v").iterdir() if path.name[0] != ".") == ["bin"]


def test_a_projection_joins_token_authority_and_namespace(tmp_path: Path) -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        {"secret": {"name": "link", "optional": True}},
    ]
    volumes = made(tmp_path, {"name": "v", "projected": {"sources": sources}})
    volumes.refresh(with_cluster_ca(find, "the authority"), token)
    assert visible(source(volumes, "v")) == {
        "token": "token for vault 600",
        "ca.crt": "the authority",
        "namespace": "rhsi",
        "code": "xyz",
        "url": "https://a",
    }


def test_the_kubeconfigs_authority_replaces_the_published_one_and_no_other_object(tmp_path: Path) -> None:
    reader = with_cluster_ca(find, "the authority")
    assert reader("ConfigMap", "scripts") == OBJECTS["ConfigMap", "scripts"]
    assert reader("Secret", "kube-root-ca.crt") is None
    assert with_cluster_ca(find, None)("ConfigMap", "kube-root-ca.crt") is None
    assert not list(tmp_path.iterdir())


def test_a_token_is_kept_until_a_fifth_of_its_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    asked: list[tuple[str | None, int]] = []

    class Server:
        def request_token(self, _pod: Manifest, audience: str | None, seconds: int) -> tuple[str, str]:
            asked.append((audience, seconds))
            return f"token {len(asked)}", datetime.fromtimestamp(time.time() + 1000, UTC).isoformat()

    def after(seconds: int) -> str:
        monkeypatch.setattr(time, "time", lambda: start.timestamp() + seconds)
        return tokens.token(None, None)

    tokens = Tokens(cast("Cluster", Server()), {})
    assert [after(seconds) for seconds in (0, 799, 801, 1500)] == ["token 1", "token 1", "token 2", "token 2"]
    assert tokens.token("vault", 600) == "token 3"
    assert asked == [(None, 3607), (None, 3607), ("vault", 600)]


def test_a_change_replaces_the_file_and_a_vanished_key_takes_its_file_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = made(tmp_path, {"name": "v", "secret": {"secretName": "link"}})
    volumes.refresh(find, token)
    untouched = (source(volumes, "v") / "code").stat().st_ino
    volumes.refresh(find, token)
    assert (source(volumes, "v") / "code").stat().st_ino == untouched
    monkeypatch.setitem(OBJECTS, ("Secret", "link"), {"data": {"code": base64.b64encode(b"new").decode()}})
    volumes.refresh(find, token)
    assert visible(source(volumes, "v")) == {"code": "new"}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"secret": {"secretName": "absent"}}, 'for volume "v" : secret "absent" not found'),
        (
            {"secret": {"secretName": "link", "items": [{"key": "absent", "path": "x"}]}},
            "references non-existent secret key: absent",
        ),
        ({"hostPath": {"path": "/etc"}}, "no volumes of kind hostPath"),
        ({"configMap": {"name": "scripts", "items": [{"key": "run.sh", "path": "../out"}]}}, "leaves its volume"),
    ],
)
def test_a_volume_that_cannot_be_made_says_why(tmp_path: Path, volume: Manifest, message: str) -> None:
    with pytest.raises(VolumeError, match=message):
        made(tmp_path, {"name": "v", **volume}).refresh(find, token)
    assert not (tmp_path / "out").exists()


def test_what_is_optional_may_be_absent(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "v", "secret": {"secretName": "absent", "optional": True}})
    volumes.refresh(find, token)
    assert visible(source(volumes, "v")) == {}


def test_empty_folders_are_everybodys_and_only_those_in_memory_lie_with_the_secrets(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory"}})
    volumes.refresh(find, token)
    assert source(volumes, "disk").parent.name == "large"
    assert source(volumes, "memory").parent.name == "small"
    assert stat.S_IMODE(source(volumes, "disk").stat().st_mode) & 0o777 == 0o777


def test_only_empty_folders_can_be_written_to(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "e", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "link"}})
    mounts = [
        {"name": "s", "mountPath": "/b/c"},
        {"name": "e", "mountPath": "/b"},
        {"name": "e", "mountPath": "/a", "readOnly": True},
    ]
    found = volumes.mounts({"volumeMounts": mounts}, {})
    assert [(mount.target, mount.read_only) for mount in found] == [("/a", True), ("/b", False), ("/b/c", True)]


def test_a_sub_path_is_one_file_or_a_folder_made_on_demand(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "e", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "link"}})
    volumes.refresh(find, token)
    assert source(volumes, "s", subPath="code").read_text() == "xyz"
    assert source(volumes, "e", subPathExpr="of-$(POD)").name == "of-p"
    for bad in ({"subPath": "absent"}, {"subPath": "../large"}):
        with pytest.raises(ContainerConfigError, match="subPath"):
            source(volumes, "s", **bad)


def test_a_sub_path_does_not_follow_a_link_out_of_its_volume(tmp_path: Path) -> None:
    volumes = made(tmp_path, {"name": "e", "emptyDir": {}})
    volumes.refresh(find, token)
    (source(volumes, "e") / "way-out").symlink_to("/etc")
    with pytest.raises(ContainerConfigError, match="does not exist in its volume"):
        source(volumes, "e", subPath="way-out")


def test_a_mount_without_a_volume_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContainerConfigError, match='"absent" names no volume'):
        source(made(tmp_path), "absent")


def said(log: Path) -> str:
    return logs.text(log.read_bytes())


def test_a_log_has_an_entry_with_its_time_for_each_line_in_a_container_runtimes_format(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "main.log")
    log.append(b"one\n\ntw")
    log.append(b"o\rthree\nun")
    moment = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    whole = rf"{moment} stdout F one\n{moment} stdout F \n{moment} stdout F two\rthree\n"
    assert re.fullmatch(whole, log.path.read_bytes().decode()), "the beginning of a line waits for its end"
    log.finish()
    assert re.fullmatch(rf"{whole}{moment} stdout P un\n", log.path.read_bytes().decode())
    assert log.path.read_bytes().decode().count("\n") == 4
    assert said(log.path) == "one\n\ntwo\rthree\nun"


def test_a_very_long_line_is_several_entries_and_still_one_line(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "main.log")
    line = "x" * (3 * logs.LINE_BYTES + 7)
    log.append(line.encode())
    assert log.path.read_bytes().count(b" stdout P ") == 4, "who prints without any line's end fills no memory"
    log.append(b"end\n")
    assert said(log.path) == f"{line}end\n"


def test_a_line_of_somebody_else_does_not_break_one_that_is_unfinished(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "main.log")
    log.append(b"half a ")
    log.write(b"between\n")
    log.append(b"line\n")
    assert said(log.path) == "between\nhalf a line\n"


def test_a_full_disk_stops_nobody(tmp_path: Path) -> None:
    logs.Log(tmp_path / "absent" / "main.log").append(b"line\n")


def test_what_an_older_lab_has_written_is_shown_as_it_is() -> None:
    assert logs.text(b"plain\n2026 stdout\nno end") == "plain\n2026 stdout\nno end"


def test_the_tail_of_a_log_keeps_to_lines_and_bytes(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    log.write_bytes(logs.entries("".join(f"{number}\n" for number in range(2000)).encode()))
    assert logs.tail(log).splitlines() == [str(number) for number in range(1920, 2000)]
    log.write_bytes(logs.entries("".join(f"{number}\n" for number in range(200)).encode()))
    assert logs.tail(log).splitlines() == [str(number) for number in range(120, 200)]
    assert logs.tail(log, size=8) == "198\n199\n"
    assert logs.tail(tmp_path / "absent.log") == ""


def test_logs_are_found_by_pod_and_by_job(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for pod in ("claim-abcde", "claim-fghij", "claim-other-abcde"):
        folder = logs.folder(home, "rhsi/api-x:6443/admin", "rhsi", pod)
        (folder / "main.log").write_text(pod)
        (folder / "main.previous.log").write_text("before")
    found = list(logs.read(home, "rhsi/api-x:6443/admin", "rhsi", "claim"))
    assert sorted(found) == [("claim-abcde", "main", "claim-abcde"), ("claim-fghij", "main", "claim-fghij")]
    assert [text for _, _, text in logs.read(home, "rhsi/api-x:6443/admin", "rhsi", "claim-other-abcde")] == [
        "claim-other-abcde"
    ]
    assert logs.find(home, "site-b", "rhsi", "claim") == []


def test_logs_are_found_by_stateful_set(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for pod in ("database-0", "database-12", "database-copy-0"):
        (logs.folder(home, "site-a", "rhsi", pod) / "postgres.log").write_text(pod)
    assert sorted(text for _, _, text in logs.read(home, "site-a", "rhsi", "database")) == ["database-0", "database-12"]


def test_a_workspace_keeps_pods_apart_and_leaves_only_logs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    workspace = Workspace(home, "site-a")
    small, large = workspace.folder("uid-1"), workspace.folder("uid-1", large=True)
    assert small != large
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (small, large)} == {0o700}
    workspace.log({"metadata": {"namespace": "rhsi", "name": "claim"}}, "main").write_text("said")
    workspace.close()
    assert not small.exists()
    assert not large.exists()
    assert [text for _, _, text in logs.read(home, "site-a", "rhsi", "claim")] == ["said"]


def test_one_runner_at_a_time_has_the_workspace_of_a_context(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = Workspace(home, "site-a")
    with pytest.raises(LabError, match="already serves context 'site-a'"):
        Workspace(home, "site-a")
    other = Workspace(home, "site-b")
    first.close()
    Workspace(home, "site-a").close()
    other.close()


def test_what_a_killed_runner_has_left_in_memory_is_swept_away_by_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory"
    left, living, unknown = (memory / f"rhsi-pods-{name}" for name in ("left", "living", "unknown"))
    for folder in (left, living, unknown):
        folder.mkdir(parents=True)
    (left / "owner").write_text(f"{os.getpid()} 1.0")
    (living / "owner").write_text(f"{os.getpid()} {psutil.Process().create_time()}")
    monkeypatch.setattr("lab.stand_ins.pods.workspace._SHARED_MEMORY", memory)
    workspace = Workspace(Home(tmp_path / "home"), "site-a")
    assert not left.exists()
    assert living.exists()
    assert unknown.exists()
    workspace.close()
    assert sorted(memory.iterdir()) == [living, unknown]


def test_a_log_that_grows_too_long_begins_anew_and_keeps_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.stand_ins.pods.logs._LOG_BYTES", 100)
    log = logs.Log(tmp_path / "main.log")
    log.begin()
    for line in (b"first\n", b"second\n", b"third\n", b"fourth\n"):
        log.append(line)
    assert said(log.path) == "fourth\n"
    assert said(logs.earlier(log.path)) == "first\nsecond\nthird\n"
    log.begin()
    assert said(log.path) == ""
    assert said(logs.previous(log.path)) == "fourth\n"
    assert not logs.earlier(log.path).exists()
