"""`python -m ops status`: which stacks it looks at, how it ends, how it looks again; `pulumi` is a script here."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from ops.clusters import Cluster
from ops.commands import status as command
from ops.commands.app import app
from ops.status import inside
from ops.status.inside import CommandError
from tests.unit import fake_pulumi
from tests.unit.http_api import HttpApi, http_api, write_kubeconfig

PULUMI = f"""#!{sys.executable}
import sys
from pathlib import Path
stack = sys.argv[sys.argv.index("--stack") + 1]
file = Path(__file__).parent / f"{{stack}}.json"
sys.exit(f"error: no stack named '{{stack}}' found") if not file.exists() else print(file.read_text())
"""
SKUPPER = "/apis/skupper.io/v2alpha1/namespaces/rhsi"
VAULT = {"address": "https://vault.example.com:8200"}


def ready(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {}, "status": {"status": "Ready", **status}}


class Project:
    """A project folder, a `pulumi` on PATH, and a cluster for each of its two stacks."""

    def __init__(self, folder: Path, site_a: HttpApi, site_b: HttpApi) -> None:
        self.folder, self.site_a, self.site_b = folder, site_a, site_b
        self.tools = fake_pulumi.install(folder, PULUMI)
        self.stack("site-a", role="primary", standbys={"site-b": {}}, cluster={"context": "site-a"}, vault=VAULT)
        cluster = {"context": "site-b", "apiServer": "https://api.site-b.example.com:6443"}
        self.stack("site-b", role="standby", primaryStack="site-a", cluster=cluster, vault=VAULT)
        for api in (site_a, site_b):
            api.answers["/api"] = {"kind": "APIVersions"}
        site_a.answers[f"{SKUPPER}/sites"] = {"items": [ready("rhsi-primary", sitesInNetwork=2)]}
        site_b.answers[f"{SKUPPER}/sites"] = {"items": [ready("rhsi-standby", sitesInNetwork=2)]}
        site_a.answers[f"{SKUPPER}/accessgrants"] = {"items": [ready("rhsi-site-b-grant-1", redemptions=1)]}
        self.link("standby-from-vault-1")

    def stack(self, name: str, **settings: Any) -> None:
        (self.folder / f"Pulumi.{name}.yaml").write_text("config: {}\n")
        values = {
            f"rhsi:{key}": {"value": one if isinstance(one, str) else json.dumps(one)} for key, one in settings.items()
        }
        (self.tools / f"{name}.json").write_text(json.dumps(values))

    def link(self, *names: str) -> None:
        self.site_b.answers[f"{SKUPPER}/links"] = {
            "items": [ready(name, remoteSiteName="rhsi-primary") for name in names]
        }

    def status(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["status", "--cwd", str(self.folder), *arguments])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with http_api() as site_a, http_api() as site_b:
        found = Project(tmp_path, site_a, site_b)
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", {"site-a": site_a.url, "site-b": site_b.url})
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        monkeypatch.setenv("PATH", str(found.tools))
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.chdir(tmp_path)
        yield found


def test_all_stacks_of_the_folder_are_shown_and_all_ready_is_exit_code_0(project: Project) -> None:
    done = project.status()
    assert done.output == (
        "site-a\n"
        "  Site         rhsi-primary          Ready  2 sites in the network\n"
        "  AccessGrant  rhsi-site-b-grant-1   Ready  redeemed 1 of 1\n"
        "site-b\n"
        "  Site         rhsi-standby          Ready  2 sites in the network\n"
        "  Link         standby-from-vault-1  Ready  to rhsi-primary\n"
        "  Rotation     site-b                Ready  rotation 1\n"
        "5 Ready, 0 not\n"
    )
    assert done.exit_code == 0
    asked = [path for api in (project.site_a, project.site_b) for _, path in api.asked if path != "/api"]
    assert all("/namespaces/rhsi/" in path for path in asked), "without other parts it needs rights nowhere else"


def test_one_stack_is_shown_by_what_its_primary_grants(project: Project) -> None:
    project.site_a.answers[f"{SKUPPER}/accessgrants"] = {"items": [ready("rhsi-site-b-grant-2")]}
    done = project.status("-s", "site-b")
    assert "site-a" not in done.output
    assert "rotation 2 is granted, and the link is of rotation 1" in done.output
    assert done.output.endswith("2 Ready, 1 not\nNext:\n  pulumi up -s site-b  # Rotation site-b\n")
    assert done.exit_code == 1


def test_a_primary_of_another_project_is_not_the_stack_of_the_same_name_here(project: Project) -> None:
    project.site_a.answers[f"{SKUPPER}/accessgrants"] = {"items": [ready("rhsi-site-b-grant-2")]}
    cluster = {"context": "site-b", "apiServer": "https://api.site-b.example.com:6443"}
    for primary, code in (("organization/rhsi/site-a", 1), ("organization/other/site-a", 0)):
        project.stack("site-b", role="standby", primaryStack=primary, cluster=cluster, vault=VAULT)
        assert project.status("-s", "site-b").exit_code == code


def test_scripts_get_every_row_and_the_next_commands(project: Project) -> None:
    project.link()
    done = project.status("--json")
    document = json.loads(done.stdout)
    assert document.keys() == {"ok", "ready", "not_ready", "objects", "links_ready", "replication", "next"}
    assert (document["ok"], document["links_ready"], document["ready"]) == (False, False, 3)
    assert document["objects"][0] == {
        "stack": "site-a",
        "kind": "Site",
        "name": "rhsi-primary",
        "status": "Ready",
        "detail": "2 sites in the network",
        "namespace": "rhsi",
        "created": "",
        "resource": "sites.skupper.io",
    }
    assert document["next"] == [{"command": "pulumi up -s site-b", "about": "Rotation site-b"}]
    assert done.exit_code == 1


def test_a_stack_without_settings_or_with_a_silent_cluster_is_a_row_beside_the_others(project: Project) -> None:
    project.site_b.answers["/api"] = (401, {"message": "Unauthorized"})
    done = project.status("-s", "site-a", "-s", "site-b", "-s", "site-c")
    assert "no stack named 'site-c' found" in done.output
    assert "\n  python -m ops doctor -s site-c  # settings site-c\n" in done.output
    assert "Context site-b refuses this login: Unauthorized, so the credentials are expired or wrong" in " ".join(
        done.output.split()
    )
    assert "2 sites in the network" in done.output
    assert done.exit_code == 1


@pytest.mark.parametrize("pulumi", [None, "#!/bin/sh\necho 'error: the bucket does not answer' >&2\nexit 1\n"])
def test_a_pulumi_that_is_absent_or_fails_leaves_the_settings_of_the_stacks_file(
    project: Project, pulumi: str | None
) -> None:
    for name in ("site-a", "site-b"):
        values = json.loads((project.tools / f"{name}.json").read_text())
        written = {key: one["value"] for key, one in values.items()}
        (project.folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": written}))
    (project.tools / "pulumi").unlink()
    if pulumi:
        (project.tools / "pulumi").write_text(pulumi)
        (project.tools / "pulumi").chmod(0o755)
    done = project.status("-s", "site-b")
    assert done.stdout.endswith("3 Ready, 0 not\n"), done.output
    assert done.stderr.startswith("note: site-b: `pulumi")
    assert done.stderr.endswith(" Its settings are those of Pulumi.site-b.yaml.\n")
    assert done.exit_code == 0


def test_a_file_that_is_not_enough_leaves_what_the_engine_says(project: Project) -> None:
    (project.tools / "pulumi").unlink()
    done = project.status("-s", "site-b")
    assert "`pulumi` cannot be run" in done.stdout
    assert "\n  python -m ops doctor -s site-b  # settings site-b\n" in done.stdout
    assert done.exit_code == 1


def test_a_stack_that_the_backend_lacks_is_made_first(project: Project) -> None:
    written = {"rhsi:role": "primary", "rhsi:cluster": {"context": "site-a"}, "rhsi:vault": VAULT}
    (project.folder / "Pulumi.site-c.yaml").write_text(yaml.safe_dump({"config": written}))
    project.site_a.answers.clear()
    project.site_a.answers["/api"] = {"kind": "APIVersions"}
    done = project.status("-s", "site-c")
    assert "\n  pulumi stack init site-c && pulumi up -s site-c  # stack site-c\n" in done.stdout


@pytest.mark.parametrize("arguments", [["--cwd", "/nowhere"], ["--watch", "--json"], ["--unknown"]])
def test_a_mistake_on_the_command_line_is_exit_code_2(project: Project, arguments: list[str]) -> None:
    assert project.status(*arguments).exit_code == 2


def test_watching_looks_again_until_somebody_interrupts_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise KeyboardInterrupt
        project.link("standby-from-vault-1", "standby-from-vault-2")

    monkeypatch.setattr(command, "pause", pause)
    done = project.status("--watch")
    assert waited == [command.WATCH_SECONDS] * 2
    assert "rotation 1 is granted, and the link is of rotation 2" in done.output
    assert done.output.count("Ready, ") == 2, "what is no terminal has each look"
    assert done.exit_code == 1, "the last look decides"


def test_watching_reads_the_settings_of_a_stack_again_when_its_file_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt
        project.stack("site-b", role="standby", primaryStack="site-a", cluster={"context": "elsewhere"}, vault=VAULT)
        if len(waited) == 2:
            (project.folder / "Pulumi.site-b.yaml").write_text("config: {rhsi:role: standby}\n")

    monkeypatch.setattr(command, "pause", pause)
    looks = project.status("--watch").output.split(" UTC\n")
    assert ["elsewhere" in look for look in looks[1:]] == [False, False, True]


# The way into a pod.


def test_a_pod_that_the_login_may_not_enter_names_the_right(project: Project) -> None:
    project.site_a.answers["/api/v1/namespaces/rhsi/pods/postgres-primary-0/exec"] = (403, {"message": "forbidden"})
    with pytest.raises(CommandError, match="it needs get and create on pods/exec in namespace rhsi") as caught:
        inside.run(Cluster("site-a"), "rhsi", "postgres-primary-0", "postgres", ["psql"])
    assert caught.value.denied
    assert project.site_a.seen["Authorization"] == "Bearer token-of-site-a"


def test_a_pod_that_is_not_there_is_told_in_the_api_servers_words(project: Project) -> None:
    message = 'pods "postgres-primary-0" not found'
    project.site_a.answers["/api/v1/namespaces/rhsi/pods/postgres-primary-0/exec"] = (404, {"message": message})
    with pytest.raises(CommandError, match=f"^{message}$"):
        inside.run(Cluster("site-a"), "rhsi", "postgres-primary-0", "postgres", ["psql"])


def test_a_cluster_that_answers_nothing_holds_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        file = write_kubeconfig(tmp_path / "kubeconfig", {"site-a": f"http://127.0.0.1:{server.getsockname()[1]}"})
        begin = time.monotonic()
        with pytest.raises(CommandError, match=r"^nothing came back within 0\.3 s$"):
            inside.run(Cluster("site-a", str(file)), "rhsi", "postgres-primary-0", "postgres", ["psql"], seconds=0.3)
    assert time.monotonic() - begin < 2
