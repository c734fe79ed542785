"""What the lab itself knows of objects and pods: links that it has cut, and logs in its own files."""

from pathlib import Path

import pytest

from lab.environment import Environment
from lab.home import Home
from lab.stacks import settings
from lab.stand_ins.pods import logs
from lab.status.advice import LabAdvice
from ops.clusters import Cluster
from ops.status.place import Place

PLACE = Place(stack="site-b", site="site-b", primary="site-a", context="site-b", namespace="rhsi", databases="db")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return settings.provisional(Home(tmp_path))


def test_a_link_that_was_cut_by_command_names_the_command_that_restores_it(environment: Environment) -> None:
    item = {"metadata": {"name": "it", "annotations": {"lab.rhsi/cut": "true"}}}
    said = "it is cut: `python -m lab link restore` restores it"
    assert LabAdvice(environment).known("Link", item) == ("Pending", said)
    assert LabAdvice(environment).known("Link", {"metadata": {"name": "it"}}) is None


def test_the_last_line_of_a_pod_or_of_a_job_comes_out_of_the_labs_files(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubeconfig").write_text("contexts: [{name: site-b}]")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    pod = "create-access-token-from-vault-x7k2p"
    (logs.folder(Home(tmp_path), "site-b", "rhsi", pod) / "claim.log").write_text(f"first\nWaiting{'.' * 300}\n\n")

    def said(name: str, container: str) -> str:
        return LabAdvice(environment).last_line(PLACE, Cluster("site-b"), "rhsi", name, container)

    for found in (said(pod, "claim"), said("create-access-token-from-vault", "")):
        assert found.startswith("Waiting...")
        assert len(found) == 200
    assert said(pod, "another") == ""


def test_the_labs_sentences_name_its_own_commands(environment: Environment) -> None:
    advice = LabAdvice(environment)
    assert advice.another_grant(PLACE, "rhsi-site-b-grant-1") == "`python -m lab rotate` makes another"
    assert advice.nothing_stands(PLACE) == "nothing stands: `python -m lab up -s site-b` brings it up"
