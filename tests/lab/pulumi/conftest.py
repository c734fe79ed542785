"""A cluster that serves widgets, and a stack of its own on it for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError

from lab.stacks import Runner
from tests.lab.lab import Lab
from tests.lab.pulumi.deployments import WIDGETS, Deployment
from tests.lab.pulumi.site import Site


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
    for event in definitions.watch(name="widgets.widgets.test", resource_version=version, timeout=30):
        conditions = event["raw_object"].get("status", {}).get("conditions", [])
        if any(item["type"] == "Established" and item["status"] == "True" for item in conditions):
            return client
    raise AssertionError("the definition was never established")


@pytest.fixture(scope="session")
def pulumi_environ(lab: Lab) -> dict[str, str]:
    """What `pulumi` needs to run with the lab's plugins on the lab's servers."""
    return Runner(lab.environment).own_environ()


@pytest.fixture
def site(
    pulumi_environ: dict[str, str], client: DynamicClient, namespace: Callable[[str], str], tmp_path: Path
) -> Site:
    return Site(Deployment(tmp_path, pulumi_environ, {"namespace": namespace("site-a")}), client)
