"""The deployment engine's kubernetes provider on a real API server."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import watch
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

from tests.lab.conftest import Lab
from tests.lab.engine.deployments import WIDGETS, Deployment, interrupt, read_until

pytestmark = pytest.mark.lab

READY = {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}], "code": "hush"}


@pytest.fixture(scope="module")
def client(lab: Lab) -> DynamicClient:
    """The administrator's client for site-a, which serves widgets."""
    client = lab.connect("site-a")
    definitions = client.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    try:
        made = definitions.create(body=WIDGETS)
    except ConflictError:
        return client
    version = made.metadata.resourceVersion
    for event in definitions.watch(name="widgets.engine.test", resource_version=version, timeout=30):
        conditions = event["raw_object"].get("status", {}).get("conditions", [])
        if any(item["type"] == "Established" and item["status"] == "True" for item in conditions):
            return client
    raise AssertionError("the definition was never established")


@pytest.fixture
def site(lab: Lab, client: DynamicClient, namespace: Callable[[str], str], tmp_path: Path) -> "Site":
    return Site(Deployment(tmp_path, {"KUBECONFIG": str(lab.kubeconfig)}, {"namespace": namespace("site-a")}), client)


class Site:
    """A deployment and the cluster that it goes to."""

    def __init__(self, deployment: Deployment, client: DynamicClient) -> None:
        self.deployment = deployment
        self.namespace = deployment.config["namespace"]
        self._client = client

    def _kind(self, kind: str) -> Any:
        versions = {"Widget": "engine.test/v1", "Job": "batch/v1"}
        return self._client.resources.get(api_version=versions.get(kind, "v1"), kind=kind)

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._kind(kind).get(name=name, namespace=self.namespace).to_dict()
        except NotFoundError:
            return None
        return found

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.find(kind, name)
        assert found is not None, f"{kind} {name} is missing"
        return found

    def patch(self, kind: str, name: str, body: dict[str, Any]) -> None:
        self._kind(kind).patch(
            name=name, namespace=self.namespace, body=body, content_type="application/merge-patch+json"
        )

    def set_status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        self._kind(kind).status.patch(
            name=name, namespace=self.namespace, body={"status": status}, content_type="application/merge-patch+json"
        )

    def delete(self, kind: str, name: str) -> None:
        self._kind(kind).delete(name=name, namespace=self.namespace)

    def appearing(self, kind: str) -> Iterator[dict[str, Any]]:
        """Objects of a kind as they appear."""
        resource = self._kind(kind)
        version = resource.get(namespace=self.namespace).metadata.resourceVersion
        for event in resource.watch(
            namespace=self.namespace, resource_version=version, timeout=60, watcher=watch.Watch()
        ):
            if event["type"] == "ADDED":
                yield event["raw_object"]

    def in_background(self, act: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=act)
        thread.start()
        return thread


WAITING = """
widget = Widget(
    "w",
    wait=["condition=Ready", "jsonpath={.status.code}"],
    opts=options(additional_secret_outputs=["status"], custom_timeouts=timeouts(%d)),
)
pulumi.export("code", widget.status["code"])
"""


def test_a_preview_on_a_new_cluster_contacts_it_and_changes_nothing(site: Site) -> None:
    text = site.deployment.preview(
        """
        made = kubernetes.core.v1.Namespace("made", metadata={"name": f"{namespace}-made"}, opts=options())
        widget = Widget("w", opts=options(depends_on=[made]))
        inside = kubernetes.core.v1.ConfigMap(
            "inside", metadata={"name": "x", "namespace": made.metadata.name}, opts=options()
        )
        Existing("again", id=widget.id)
        pulumi.export("status", widget.status)
        pulumi.export("uid", inside.metadata.uid)
        pulumi.export("name", inside.metadata.name)
        """
    )
    assert "+ 5 to create" in text
    assert "status: [unknown]" in text
    assert 'name  : "x"' in text
    assert site.find("Widget", "w") is None
    assert site.find("Namespace", f"{site.namespace}-made") is None
    assert "resources" not in site.deployment.state()


def test_a_stack_is_made_left_alone_when_unchanged_and_destroyed(site: Site) -> None:
    program = """
    account = kubernetes.core.v1.ServiceAccount(
        "sa", metadata={"name": "sa", "namespace": namespace}, opts=options()
    )
    config_map("cm", account=account.metadata.name)
    kubernetes.core.v1.Secret(
        "secret", metadata={"name": "s", "namespace": namespace},
        string_data={"password": pulumi.Output.secret("hush")}, opts=options(),
    )
    root = kubernetes.core.v1.ConfigMap.get("root", "kube-public/kube-root-ca.crt", opts=options())
    pulumi.export("ca", root.data["ca.crt"])
    """
    site.deployment.up(program)
    assert site.get("ConfigMap", "cm")["data"] == {"account": "sa"}
    assert site.deployment.outputs()["ca"].startswith("-----BEGIN CERTIFICATE-----")
    state = (site.deployment.folder / "state" / ".pulumi" / "stacks" / "proj" / "dev.json").read_text()
    assert "hush" not in state
    assert "aHVzaA==" not in state
    site.deployment.up(None, "--expect-no-changes")
    site.deployment.destroy()
    assert site.find("ConfigMap", "cm") is None
    assert site.get("ConfigMap", "kube-root-ca.crt")
    assert "resources" not in site.deployment.state()


def test_a_name_is_made_up_and_kept(site: Site) -> None:
    program = """
    made = kubernetes.core.v1.ConfigMap(
        "auto", metadata={{"namespace": namespace}}, data={{"x": "{0}"}}, opts=options()
    )
    pulumi.export("name", made.metadata.name)
    """
    site.deployment.up(program.format(1))
    first = site.deployment.outputs()["name"]
    site.deployment.up(None, "--expect-no-changes")
    site.deployment.up(program.format(2))
    second = site.deployment.outputs()["name"]
    assert first.startswith("auto-")
    assert second != first
    assert site.find("ConfigMap", first) is None
    assert site.get("ConfigMap", second)["data"] == {"x": "2"}


def test_a_wait_ends_when_conditions_and_paths_hold_and_the_status_stays_secret(site: Site) -> None:
    def make_ready() -> None:
        for widget in site.appearing("Widget"):
            site.set_status("Widget", widget["metadata"]["name"], READY)
            return

    thread = site.in_background(make_ready)
    site.deployment.up(WAITING % 60)
    thread.join()
    assert site.deployment.outputs() == {"code": "hush"}
    assert "hush" not in site.deployment.text.replace('"code": "hush"', "")
    assert "hush" not in str(site.deployment.state())


def test_a_wait_in_vain_keeps_the_object_and_the_next_run_goes_on(site: Site) -> None:
    text = site.deployment.up(WAITING % 2, code=1)
    assert "was successfully created, but the Kubernetes API server reported that it failed to fully initialize" in text
    assert "timed out waiting for the condition" in text
    assert site.deployment.resource("w")["initErrors"]
    uid = site.get("Widget", "w")["metadata"]["uid"]
    site.set_status("Widget", "w", READY)
    assert "~ 1 updated" in site.deployment.up()
    assert "initErrors" not in site.deployment.resource("w")
    assert site.get("Widget", "w")["metadata"]["uid"] == uid


def test_a_refresh_forgives_an_unready_object(site: Site) -> None:
    site.deployment.up(WAITING % 2, code=1)
    site.deployment.run("refresh", "--yes", "--skip-preview")
    assert site.deployment.code == 0
    assert "initErrors" not in site.deployment.resource("w")


def test_an_old_status_is_known_in_the_preview_of_an_update(site: Site) -> None:
    program = 'w = Widget("w", spec={{"size": {0}}}, opts=options()); pulumi.export("code", w.status["code"])'
    site.deployment.up('Widget("w", spec={"size": 1}, opts=options())')
    site.set_status("Widget", "w", READY)
    site.deployment.run("refresh", "--yes", "--skip-preview")
    assert 'code: "hush"' in site.deployment.preview(program.format(2))


def test_an_unknown_field_is_refused(site: Site) -> None:
    text = site.deployment.up('Widget("w", spec={"nonsense": 1}, opts=options())', code=1)
    assert "was not successfully created by the Kubernetes API server" in text
    assert "nonsense" in text
    assert site.find("Widget", "w") is None


def test_a_refused_update_is_tried_again(site: Site) -> None:
    site.deployment.up('Widget("w", spec={"size": 1}, opts=options())')
    text = site.deployment.up('Widget("w", spec={"size": "big"}, opts=options())', code=1)
    assert f'the Kubernetes API server reported that "{site.namespace}/w" failed to fully initialize' in text
    assert "~ 1 updated" in site.deployment.up('Widget("w", spec={"size": 2}, opts=options())')
    assert site.get("Widget", "w")["spec"] == {"size": 2}


def test_a_kind_that_is_not_served_is_previewed_and_refused(site: Site) -> None:
    program = """
    class Nope(pulumi.CustomResource):
        def __init__(self, name):
            metadata = {"name": name, "namespace": namespace}
            super().__init__(
                "kubernetes:nope.test/v1:Nope", name,
                {"apiVersion": "nope.test/v1", "kind": "Nope", "metadata": metadata}, options(),
            )

    Nope("n")
    """
    assert "+ 3 to create" in site.deployment.preview(program)


def test_a_fixed_name_makes_room_and_a_new_name_comes_first(site: Site) -> None:
    program = 'config_map("fixed", x="{0}"); kubernetes.core.v1.ConfigMap("named", metadata={{"name": "named-{0}", '
    program += '"namespace": namespace}}, opts=options())'
    site.deployment.up(program.format(1))
    text = site.deployment.up(program.format(2))
    assert text.index("-- kubernetes:core/v1:ConfigMap fixed deleted original") < text.index(
        "++ kubernetes:core/v1:ConfigMap fixed created replacement"
    )
    assert text.index("++ kubernetes:core/v1:ConfigMap named created replacement") < text.index(
        "-- kubernetes:core/v1:ConfigMap named deleted original"
    )
    assert site.get("ConfigMap", "fixed")["data"] == {"x": "2"}
    assert site.find("ConfigMap", "named-1") is None


def test_labels_are_updated_in_place(site: Site) -> None:
    site.deployment.up('config_map("cm", labels={"a": "1", "b": "1"})')
    uid = site.get("ConfigMap", "cm")["metadata"]["uid"]
    site.deployment.up('config_map("cm", labels={"a": "2"})')
    metadata = site.get("ConfigMap", "cm")["metadata"]
    assert metadata["uid"] == uid
    assert metadata["labels"] == {"a": "2"}


def test_drift_is_found_by_refresh_and_repaired_by_up(site: Site) -> None:
    site.deployment.up('config_map("a", labels={"l": "1"}); config_map("b")')
    site.patch("ConfigMap", "a", {"metadata": {"labels": {"l": None, "foreign": "kept"}}})
    site.delete("ConfigMap", "b")
    site.deployment.up(None, "--expect-no-changes")
    text = site.deployment.run("refresh", "--yes", "--skip-preview")
    assert "~ 1 updated" in text
    assert "- 1 deleted" in text
    site.deployment.up()
    assert site.get("ConfigMap", "a")["metadata"]["labels"] == {"l": "1", "foreign": "kept"}
    assert site.get("ConfigMap", "b")


def test_an_object_that_exists_is_taken_over(site: Site) -> None:
    site.deployment.up('config_map("cm", x="1")')
    (site.deployment.folder / "state" / ".pulumi" / "stacks" / "proj" / "dev.json").unlink()
    site.deployment.run("stack", "init")
    site.deployment.up('config_map("cm", y="2")')
    assert site.get("ConfigMap", "cm")["data"]["y"] == "2"


def test_another_managers_field_is_a_conflict_unless_forced(site: Site) -> None:
    site._client.resources.get(api_version="v1", kind="ConfigMap").create(
        body={"metadata": {"name": "cm"}, "data": {"x": "theirs"}}, namespace=site.namespace, field_manager="them"
    )
    text = site.deployment.up('config_map("cm", x="ours")', code=1)
    assert "server-side apply field conflict detected" in text
    assert 'conflict with "them"' in text
    site.deployment.up(
        """
        kubernetes.core.v1.ConfigMap(
            "cm", metadata={"name": "cm", "namespace": namespace, "annotations": {"pulumi.com/patchForce": "true"}},
            data={"x": "ours"}, opts=options(),
        )
        """
    )
    assert site.get("ConfigMap", "cm")["data"] == {"x": "ours"}


JOB = """
kubernetes.batch.v1.Job(
    "job",
    metadata={"name": "job", "namespace": namespace, "annotations": {"pulumi.com/replaceUnready": "true"}},
    spec={
        "backoff_limit": 0,
        "template": {
            "spec": {
                "restart_policy": "Never",
                # Nobody runs this pod: the test plays the kubelet.
                "scheduler_name": "nobody",
                "node_name": "nowhere",
                "containers": [{"name": "main", "image": "none", "command": ["%s"]}],
            }
        },
    },
    opts=options(custom_timeouts=timeouts(60)),
)
"""


def end_next_pod(site: Site, phase: str, reason: str, message: str) -> threading.Thread:
    conditions = [{"type": name, "status": "True"} for name in ("PodScheduled", "Initialized")]
    ended = {"exitCode": 0 if phase == "Succeeded" else 1, "reason": reason, "message": message}
    container = {"name": "main", "ready": False, "restartCount": 0, "image": "none", "imageID": ""}
    status = {
        "phase": phase,
        "conditions": [*conditions, {"type": "Ready", "status": "False", "reason": "PodFailed"}],
        "containerStatuses": [{**container, "state": {"terminated": ended}}],
    }

    def play() -> None:
        for pod in site.appearing("Pod"):
            site.set_status("Pod", pod["metadata"]["name"], status)
            return

    return site.in_background(play)


def test_a_failed_job_tells_its_pods_last_words_and_is_replaced_by_the_next_run(site: Site) -> None:
    thread = end_next_pod(site, "Failed", "Error", "the grant has expired: rotate it")
    text = site.deployment.up(JOB % "true", code=1)
    thread.join()
    assert "Resource 'job' was created but failed to initialize" in text
    assert "[Error] the grant has expired: rotate it" in text
    assert "[BackoffLimitExceeded] Job has reached the specified backoff limit" in text
    uid = site.get("Job", "job")["metadata"]["uid"]
    thread = end_next_pod(site, "Succeeded", "Completed", "")
    text = site.deployment.up()
    thread.join()
    assert "+-1 replaced" in text
    assert site.get("Job", "job")["metadata"]["uid"] != uid
    site.deployment.up(None, "--expect-no-changes")


def test_a_job_with_another_template_is_deleted_first(site: Site) -> None:
    for command in ("one", "two"):
        thread = end_next_pod(site, "Succeeded", "Completed", "")
        text = site.deployment.up(JOB % command)
        thread.join()
    assert text.index("job deleted original") < text.index("job created replacement")


STATEFUL_SET = """
kubernetes.apps.v1.StatefulSet(
    "db",
    metadata={"name": "db", "namespace": namespace},
    spec={
        "service_name": "db",
        "selector": {"match_labels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {
                # Nobody runs this pod: the test plays the kubelet, which has nothing to stop.
                "scheduler_name": "nobody",
                "node_name": "nowhere",
                "termination_grace_period_seconds": 0,
                "containers": [{"name": "db", "image": "%s"}],
            },
        },
    },
    opts=options(custom_timeouts=timeouts(%d)),
)
"""


def pod_status(*, ready: bool) -> dict[str, Any]:
    conditions = [{"type": name, "status": "True"} for name in ("PodScheduled", "Initialized")]
    state = {"running": {}} if ready else {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "db", "ready": ready, "restartCount": 0, "image": "none", "imageID": "", "state": state}
    return {
        "phase": "Running" if ready else "Pending",
        "conditions": [*conditions, {"type": "Ready", "status": str(ready)}],
        "containerStatuses": [container],
    }


def test_a_stateful_set_is_awaited_until_its_newest_pods_are_ready_and_tells_why_they_are_not(site: Site) -> None:
    def play(*, ready: bool) -> threading.Thread:
        def set_status() -> None:
            for pod in site.appearing("Pod"):
                site.set_status("Pod", pod["metadata"]["name"], pod_status(ready=ready))
                return

        return site.in_background(set_status)

    thread = play(ready=False)
    text = site.deployment.up(STATEFUL_SET % ("none", 5), code=1)
    thread.join()
    assert "'db' timed out waiting to be Ready" in text
    assert "0 out of 1 replicas succeeded readiness checks" in text
    assert "[ImagePullBackOff] no such image" in text
    site.set_status("Pod", "db-0", pod_status(ready=True))
    site.deployment.up(STATEFUL_SET % ("none", 60))
    site.deployment.up(None, "--expect-no-changes")
    thread = play(ready=True)
    site.deployment.up(STATEFUL_SET % ("newer", 60))
    thread.join()
    assert site.get("Pod", "db-0")["spec"]["containers"][0]["image"] == "newer"


def test_deletion_waits_for_what_the_object_owns(site: Site) -> None:
    site.deployment.up('Widget("w", opts=options(custom_timeouts=timeouts(3)))')
    site.patch("Widget", "w", {"metadata": {"finalizers": ["engine.test/hold"]}})
    site.deployment.run("destroy", "--yes", "--skip-preview")
    assert site.deployment.code == 1
    assert "timed out waiting for the condition" in site.deployment.text
    assert "finalizers might be preventing deletion" in site.deployment.text
    site.patch("Widget", "w", {"metadata": {"finalizers": []}})
    site.deployment.destroy()
    assert site.find("Widget", "w") is None


def test_an_object_read_by_id_must_exist(site: Site) -> None:
    site.deployment.up('Widget("w", opts=options())')
    site.set_status("Widget", "w", READY)
    program = 'Widget("w", opts=options()); pulumi.export("code", Existing("again", f"{namespace}/%s").status["code"])'
    site.deployment.up(program % "w")
    assert site.deployment.outputs() == {"code": "hush"}
    text = site.deployment.preview(program % "nope", code=1)
    assert f"error: Preview failed: resource '{site.namespace}/nope' does not exist" in text


def test_an_interrupted_wait_ends_soon_keeps_what_was_made_and_frees_the_stack(site: Site) -> None:
    process = site.deployment.begin(WAITING % 120)
    read_until(process, "Widget w creating")
    rest = interrupt(process)
    assert process.returncode == 1
    assert "^C received; cancelling." in rest
    assert "context canceled" in rest
    assert "pending_operations" not in site.deployment.state()
    assert site.deployment.resource("w")["initErrors"]
    site.set_status("Widget", "w", READY)
    site.deployment.up()


def test_a_killed_run_leaves_a_lock_and_a_pending_operation_and_can_be_repeated(site: Site) -> None:
    process = site.deployment.begin(WAITING % 120)
    for widget in site.appearing("Widget"):
        assert widget["metadata"]["name"] == "w"
        break
    interrupt(process, signal.SIGKILL)
    assert "the stack is currently locked by 1 lock(s)" in site.deployment.up(code=1)
    site.deployment.run("cancel", "--yes")
    site.set_status("Widget", "w", READY)
    text = site.deployment.up()
    assert "interrupted while creating" in text
    assert site.deployment.resource("w")["id"] == f"{site.namespace}/w"
    site.deployment.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert "pending_operations" not in site.deployment.state()


def test_a_cluster_that_is_not_there_is_previewed_and_named(site: Site) -> None:
    program = """
    cluster = kubernetes.Provider("nowhere", kubeconfig="", context="nowhere", upsert_existing_objects=True)
    config_map("cm")
    """
    assert "+ 4 to create" in site.deployment.preview(program)
    text = site.deployment.up(program, code=1)
    assert "configured Kubernetes cluster is unreachable: unable to load Kubernetes client configuration" in text
    assert "nowhere" in text
