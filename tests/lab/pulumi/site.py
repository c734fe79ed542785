"""Where the kubernetes provider's tests deploy to: a stack, its namespace of a cluster, and a widget to wait for."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import watch
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from tests.lab.pulumi.deployments import Deployment

READY = {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}], "code": "hush"}

WAITING = """
widget = Widget(
    "w",
    wait=["condition=Ready", "jsonpath={.status.code}"],
    opts=options(additional_secret_outputs=["status"], custom_timeouts=timeouts(%d)),
)
pulumi.export("code", widget.status["code"])
"""


class Site:
    """A deployment and the cluster that it goes to."""

    def __init__(self, deployment: Deployment, client: DynamicClient) -> None:
        self.deployment = deployment
        self.namespace = deployment.config["namespace"]
        self._client = client

    def _kind(self, kind: str) -> Any:
        versions = {"Widget": "widgets.test/v1", "Job": "batch/v1"}
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

    def create(self, kind: str, name: str, manager: str, **body: Any) -> None:
        """Make an object beside Pulumi, under a field manager's name; `labels` go into its metadata."""
        metadata = {"name": name, "namespace": self.namespace, "labels": body.pop("labels", {})}
        resource = self._kind(kind)
        manifest = {"apiVersion": resource.group_version, "kind": kind, "metadata": metadata, **body}
        resource.create(body=manifest, namespace=self.namespace, field_manager=manager)

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
