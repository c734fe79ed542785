"""Labels and annotations of everything: where they go, and what a change of them leaves alone."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from components.common_metadata import MARK
from components.script_job import ScriptJobArgs, job_spec
from tests.arguments import RUNTIME
from tests.unit.recorder import Graph, Registration, record, reveal
from tests.unit.urns import VARIANTS

LABELS = {"example.com/team": "payments", "tier": "db"}
ANNOTATIONS = {"example.com/contact": "team@example.com = on call"}
COMMON = {"labels": LABELS, "annotations": ANNOTATIONS}
JOB, STATEFUL_SET = "kubernetes:batch/v1:Job", "kubernetes:apps/v1:StatefulSet"
EVERYTHING = ["primary with everything", "standby with everything", "standby with databases of the community"]


def run(name: str, **changes: Any) -> Graph:
    variant = VARIANTS[name]
    return record({**variant.settings, **changes}, stack=variant.stack, primary_outputs=variant.primary_outputs)


def made(graph: Graph) -> list[Registration]:
    return [one for one in graph.resources.values() if one.token.startswith("kubernetes:") and not one.read_id]


def has_both(metadata: Any) -> bool:
    return bool(metadata["labels"].items() >= LABELS.items() and metadata["annotations"].items() >= ANNOTATIONS.items())


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_object_has_them_besides_its_own(name: str) -> None:
    without, graph = run(name), run(name, **COMMON)
    for one in made(graph):
        metadata = reveal(one.inputs["metadata"])
        assert has_both(metadata), one.urn
        before = reveal(without.resources[one.urn].inputs["metadata"])
        for field in ("labels", "annotations"):
            own = {key for key in before.get(field, {}) if key != "pulumi.com/waitFor"}
            assert own <= metadata[field].keys(), one.urn
    assert len(made(graph)) == len(made(without)) > 10


@pytest.mark.parametrize("name", EVERYTHING)
def test_so_has_what_controllers_make_of_it(name: str) -> None:
    graph = run(name, **COMMON)
    templates = [one.inputs["spec"]["template"]["metadata"] for kind in (JOB, STATEFUL_SET) for one in graph.made(kind)]
    for one in graph.made(STATEFUL_SET):
        templates += [claim["metadata"] for claim in one.inputs["spec"]["volumeClaimTemplates"]]
    for one in made(graph):
        spec = one.inputs.get("spec", {})
        if one.token.endswith(":Cluster"):
            templates.append(spec["inheritedMetadata"])
        if one.token.endswith(":Pooler"):
            templates.append(spec["template"]["metadata"])
        if one.token.endswith(":ExternalSecret") and "template" in spec["target"]:
            templates.append(spec["target"]["template"]["metadata"])
    assert templates
    assert all(map(has_both, templates))


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_wait_ends_only_with_an_object_that_has_them(name: str) -> None:
    graph = run(name, **COMMON)
    other = run(name, **{**COMMON, "labels": {"tier": "other"}})
    awaited = [one for one in made(graph) if "pulumi.com/waitFor" in reveal(one.inputs["metadata"])["annotations"]]
    assert len(awaited) > 1
    for one in awaited:
        annotations = reveal(one.inputs["metadata"])["annotations"]
        if one.inputs.get("type") == "kubernetes.io/service-account-token":
            continue
        gate = json.loads(annotations["pulumi.com/waitFor"])
        assert f"jsonpath={{.metadata.annotations['{MARK}']}}={annotations[MARK]}" in gate, one.urn
        # The provider splits an expression at `=`: no text of a user's may be in one.
        assert not any("on call" in expression for expression in gate)
        assert reveal(other.resources[one.urn].inputs["metadata"])["annotations"][MARK] != annotations[MARK]


@pytest.mark.parametrize("name", [name for name, one in VARIANTS.items() if "labels" not in one.settings])
def test_without_them_no_object_is_another_one(name: str) -> None:
    for one in made(run(name)):
        assert MARK not in reveal(one.inputs["metadata"]).get("annotations", {})
        assert "inheritedMetadata" not in one.inputs.get("spec", {})


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_change_of_them_runs_no_job_again(name: str) -> None:
    without, graph = run(name), run(name, **COMMON)
    jobs = graph.made(JOB)
    assert jobs
    for job in jobs:
        assert "spec.template.metadata" in job.ignore_changes
        (run_of,) = [one for one in made(graph) if one.name == f"{job.name.rpartition('-job')[0]}-run"]
        assert run_of.inputs["data"] == without.resources[run_of.urn].inputs["data"]
        before = without.resources[job.urn].inputs["spec"]
        assert {**job.inputs["spec"]["template"], "metadata": before["template"]["metadata"]} == before["template"]


def test_a_change_of_them_starts_no_database_again_unless_it_is_asked_for() -> None:
    name = "primary with everything"
    (server,) = run(name, **COMMON).made(STATEFUL_SET)
    template = "spec.template.metadata"
    assert {f"{template}.labels", f'{template}.annotations["example.com/contact"]'} <= set(server.ignore_changes)
    # The annotation by which a new password starts it has to pass.
    assert not {template, f"{template}.annotations", f'{template}.annotations["rhsi/restart"]'} & set(
        server.ignore_changes
    )
    (server,) = run(name, **COMMON, pods={"restartDatabases": True}).made(STATEFUL_SET)
    assert server.ignore_changes == ["spec.volumeClaimTemplates"]


def test_a_grant_keeps_them_until_the_next_rotation_for_its_gate_does() -> None:
    for grant in run("primary with everything", **COMMON).made("kubernetes:skupper.io/v2alpha1:AccessGrant"):
        assert grant.ignore_changes == ["metadata.annotations", "metadata.labels"]


def test_an_upgrade_of_this_program_runs_no_job_again() -> None:
    """The digest of a run is in every stack that stands; scripts may change, the shape of the Job may not by itself."""
    for pull_secret, told in (("", "f3537373"), ("secret", "b585aff7")):
        args = ScriptJobArgs(
            job="job",
            account="account",
            namespace="rhsi",
            script="true",
            environment={"ROTATION": "1"},
            rules=[{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}] if not pull_secret else [],
            has_rights_elsewhere=False,
            secrets={"own": "secret"},
            runtime=dataclasses.replace(RUNTIME, pull_secret=pull_secret, user=65532),
            repeatable=True,
        )
        # As script_job.digest does it, order of the keys included.
        assert hashlib.sha256(json.dumps(job_spec(args)).encode()).hexdigest()[:8] == told
