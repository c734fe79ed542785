"""Jobs for the tests of the pod runner: made, awaited, looked at."""

from typing import Any

from kubernetes.dynamic import DynamicClient

from lab.kube import Manifest
from tests.lab.waiting import until


class Jobs:
    """The Jobs of one namespace."""

    def __init__(self, client: DynamicClient, namespace: str) -> None:
        self.namespace = namespace
        self._client = client

    def of(self, namespace: str) -> "Jobs":
        """The Jobs of another namespace of the cluster."""
        return Jobs(self._client, namespace)

    def kind(self, kind: str, api_version: str = "v1") -> Any:
        """The verbs of one kind."""
        return self._client.resources.get(api_version=api_version, kind=kind)

    def create(self, kind: str, name: str, api_version: str = "v1", **parts: Any) -> Manifest:
        """Create an object of the namespace."""
        body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **parts}
        made: Manifest = self.kind(kind, api_version).create(body=body, namespace=self.namespace).to_dict()
        return made

    def run(self, name: str, script: str = "", *, container: Manifest | None = None, **spec: Any) -> Manifest:
        """Start a Job of one attempt; `container` and `spec` add to its only container and to its pod."""
        main = {"name": "main", "image": "tools:1", "command": ["sh", "-c", script], **(container or {})}
        pod = {"restartPolicy": "Never", "containers": [main], **spec}
        return self.create("Job", name, "batch/v1", spec={"backoffLimit": 0, "template": {"spec": pod}})

    def pods(self, name: str) -> list[Manifest]:
        """The Job's pods."""
        found = self.kind("Pod").get(namespace=self.namespace, label_selector=f"batch.kubernetes.io/job-name={name}")
        pods: list[Manifest] = found.to_dict()["items"]
        return pods

    def ended(self, name: str) -> Manifest:
        """The Job once it is complete or has failed: its condition of that."""

        def condition() -> Manifest | None:
            job = self.kind("Job", "batch/v1").get(name=name, namespace=self.namespace).to_dict()
            found = (job.get("status") or {}).get("conditions") or []
            return next((one for one in found if one["type"] in ("Complete", "Failed")), None)

        return until(condition)

    def pod_in(self, name: str, state: str) -> Manifest:
        """The Job's pod once its first container is running, waiting or terminated."""

        def pod() -> Manifest | None:
            return next((one for one in self.pods(name) if container_state(one).get(state)), None)

        return until(pod)


def container_state(pod: Manifest) -> Manifest:
    """The state of a pod's only container, empty before there is any."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    state: Manifest = statuses[0].get("state") or {}
    return state
