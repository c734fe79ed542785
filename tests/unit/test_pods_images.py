"""What an image brings along, by its name; and a pod's place in the network."""

import signal
from pathlib import Path

import pytest

from lab.binaries.postgresql import DEFAULT_MAJOR
from lab.home import Home, LabError
from lab.kube import Manifest
from lab.stand_ins.pods.addresses import NamesMissingError, address_of, names
from lab.stand_ins.pods.containers import barman_tools, images
from lab.stand_ins.pods.containers.images import (
    image_variables,
    is_postgresql,
    passwd,
    postgresql_folder,
    postgresql_major,
    programs,
    stop_signal,
)
from lab.stand_ins.pods.containers.variables import PATH, ContainerConfigError

POD: Manifest = {"metadata": {"name": "claim-abcde"}, "spec": {}}
UNKNOWN_USER = 1_000_650_000


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("postgres", True),
        ("docker.io/library/postgres:16-bookworm", True),
        ("quay.io/sclorg/postgresql-16-c9s:latest", True),
        ("docker.enterprisedb.com/k8s/postgresql@sha256:0123", True),
        ("localhost:5000/edb-postgres-advanced", True),
        ("registry.test/postgres/kubectl:1", False),
        ("quay.io/openshift/origin-cli:4.18", False),
        ("", False),
    ],
)
def test_an_image_is_postgresql_by_the_last_part_of_its_path(image: str, *, expected: bool) -> None:
    assert is_postgresql(image) is expected
    path = image_variables(POD, {"image": image}, 0)["PATH"]
    assert path == (f"{postgresql_folder(postgresql_major(image))}/bin:{PATH}" if expected else PATH)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("postgres:17", 17),
        ("registry.test:5000/postgres:18.1-alpine@sha256:0123", 18),
        ("ghcr.io/cloudnative-pg/postgresql:16.13-standard-trixie", 16),
        ("quay.io/sclorg/postgresql-17-c9s:latest", 17),
        ("quay.io/sclorg/postgresql-16-c9s:20260101", 16),
        ("postgres:9.6", 9),
        ("postgres", DEFAULT_MAJOR),
        ("postgres:latest", DEFAULT_MAJOR),
        ("docker.enterprisedb.com/k8s/postgresql@sha256:0123", DEFAULT_MAJOR),
    ],
)
def test_name_or_tag_of_an_image_tell_the_major_version(image: str, expected: int) -> None:
    assert postgresql_major(image) == expected


def test_an_image_of_a_version_that_the_lab_has_not_cannot_be_pulled() -> None:
    with pytest.raises(ContainerConfigError, match=r"no PostgreSQL 9: choose an image of PostgreSQL 16, 17 or 18"):
        programs("postgres:9.6")


def test_postgresql_that_cannot_be_had_is_an_image_that_cannot_be_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_progress: object, _major: int) -> Path:
        raise LabError("The Python package cannot be had: check the network.")

    monkeypatch.setattr(images, "postgresql", absent)
    assert programs("tools:1") == ()
    with pytest.raises(ContainerConfigError, match="check the network") as caught:
        programs("postgres:16")
    assert caught.value.reason == "ErrImagePull"


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"image": "docker.io/library/postgres:16"}, signal.SIGINT),
        ({"image": "quay.io/sclorg/postgresql-16-c9s"}, signal.SIGTERM),
        ({"image": "tools:1"}, signal.SIGTERM),
        ({"image": "postgres:16", "lifecycle": {"stopSignal": "SIGUSR1"}}, signal.SIGUSR1),
        ({"image": "postgres:16", "lifecycle": {"preStop": {}}}, signal.SIGINT),
    ],
)
def test_the_container_chooses_its_stop_signal_else_the_image(container: Manifest, expected: signal.Signals) -> None:
    assert stop_signal(container) == expected


def test_the_image_gives_path_home_and_host_name() -> None:
    assert image_variables(POD, {}, UNKNOWN_USER) == {"PATH": PATH, "HOME": "/", "HOSTNAME": "claim-abcde"}


def test_a_user_that_the_system_does_not_know_lives_where_the_container_works_and_has_a_line_in_passwd() -> None:
    assert image_variables(POD, {"workingDir": "/data"}, UNKNOWN_USER)["HOME"] == "/data"
    assert (
        passwd(UNKNOWN_USER, 0, "/data").splitlines()[-1]
        == f"{UNKNOWN_USER}:x:{UNKNOWN_USER}:0:{UNKNOWN_USER} user:/data:/sbin/nologin"
    )


def test_a_user_that_the_system_knows_is_as_the_system_has_it() -> None:
    assert passwd(0, 0, "/data") == Path("/etc/passwd").read_text()
    assert image_variables(POD, {"workingDir": "/data"}, 0)["HOME"] == "/root"


def test_a_pod_has_one_address_of_the_loopback_network_and_others_have_others() -> None:
    addresses = [address_of(f"uid-{number}") for number in range(200)]
    assert addresses[0] == address_of("uid-0")
    assert len(set(addresses)) == len(addresses)
    parts = [[int(part) for part in address.split(".")] for address in addresses]
    assert all(first == 127 and 128 <= second <= 254 and 1 <= last <= 254 for first, second, _, last in parts)


def test_a_pod_gets_its_namespaces_names_once_the_network_knows_the_namespace(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert names(home, "site-a", "rhsi") is None, "without the lab's network the machine's names have to do"
    folder = home.folder("network", "site-a")
    with pytest.raises(NamesMissingError):
        names(home, "site-a", "rhsi")
    (folder / "rhsi.hosts").touch()
    mount = names(home, "site-a", "rhsi")
    assert mount
    assert (mount.source, mount.target, mount.read_only) == (str(folder), "/lab/network", True)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/cloudnative-pg/postgresql:16-system-bookworm", True),
        ("ghcr.io/cloudnative-pg/postgresql:16-standard-bookworm", False),
        ("ghcr.io/cloudnative-pg/postgresql:16", False),
        ("example.com/tools:1-system-2", False),
    ],
)
def test_cloudnativepgs_images_of_the_kind_system_have_barmans_commands(image: str, *, expected: bool) -> None:
    assert images.has_barman(image) is expected
    assert images.search_path(image).startswith(barman_tools.COMMANDS) is expected


def test_barmans_commands_run_with_the_python_of_whoever_runs_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is that of all Pythons of one version; a pod has only the lab's own."""
    packages = tmp_path / "backup-tools"
    entry_points = packages / "barman-3.19.1.dist-info" / "entry_points.txt"
    entry_points.parent.mkdir(parents=True)
    entry_points.write_text("[console_scripts]\nbarman-cloud-backup = barman.clients.cloud_backup:main\n")
    monkeypatch.setattr(barman_tools, "backup_tools", lambda _: packages)
    for python in ("/usr/bin/python3.11", "/opt/python/bin/python3.11"):
        monkeypatch.setattr(barman_tools, "interpreter", lambda python=python: Path(python))
        folder = Path(barman_tools.commands.__wrapped__().source)
        assert f"exec {python} -s -P" in (folder / "barman-cloud-backup").read_text()
