"""Kubernetes' own kinds, registered as pulumi-kubernetes' classes register them, without importing these."""

import dataclasses
import subprocess
import sys
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import apps, batch, core, networking, policy, rbac

from components import custom_resource
from components.custom_resource import Kind, KubernetesObject
from tests.unit.recorder import Registration, record_component

METADATA = {"name": "one", "namespace": "rhsi", "labels": {"app.kubernetes.io/part-of": "rhsi"}}
ACCOUNT = {"kind": "ServiceAccount", "name": "one", "namespace": "rhsi"}
REFERENCE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}
CONTAINERS = [{"name": "one", "image": "i", "securityContext": {"readOnlyRootFilesystem": True}}]
TEMPLATE = {"spec": {"containers": CONTAINERS, "serviceAccountName": "one"}}
# The kind, pulumi-kubernetes' class of it, and the rest of a manifest by the names that the class has for its fields.
OWN: dict[str, tuple[Kind, Any, dict[str, Any]]] = {
    "Namespace": (custom_resource.NAMESPACE, core.v1.Namespace, {}),
    "Secret": (custom_resource.SECRET, core.v1.Secret, {"type": "Opaque", "data": {"key": "dmFsdWU="}}),
    "ConfigMap": (custom_resource.CONFIG_MAP, core.v1.ConfigMap, {"data": {"key": "value"}}),
    "Service": (custom_resource.SERVICE, core.v1.Service, {"spec": {"ports": [{"port": 1, "targetPort": 1}]}}),
    "ServiceAccount": (custom_resource.SERVICE_ACCOUNT, core.v1.ServiceAccount, {}),
    "Role": (custom_resource.ROLE, rbac.v1.Role, {"rules": [{"apiGroups": [""], "verbs": ["get"]}]}),
    "RoleBinding": (custom_resource.ROLE_BINDING, rbac.v1.RoleBinding, {"role_ref": REFERENCE, "subjects": [ACCOUNT]}),
    "ClusterRole": (
        custom_resource.CLUSTER_ROLE,
        rbac.v1.ClusterRole,
        {"rules": [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}]},
    ),
    "ClusterRoleBinding": (
        custom_resource.CLUSTER_ROLE_BINDING,
        rbac.v1.ClusterRoleBinding,
        {"role_ref": REFERENCE, "subjects": [ACCOUNT]},
    ),
    "Job": (custom_resource.JOB, batch.v1.Job, {"spec": {"backoffLimit": 0, "template": TEMPLATE}}),
    "CronJob": (
        custom_resource.CRON_JOB,
        batch.v1.CronJob,
        {"spec": {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
    ),
    "NetworkPolicy": (
        custom_resource.NETWORK_POLICY,
        networking.v1.NetworkPolicy,
        {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
    ),
    "PodDisruptionBudget": (
        custom_resource.POD_DISRUPTION_BUDGET,
        policy.v1.PodDisruptionBudget,
        {"spec": {"maxUnavailable": 0}},
    ),
    "StatefulSet": (custom_resource.STATEFUL_SET, apps.v1.StatefulSet, {"spec": {"serviceName": "one"}}),
}


def registered(make: Any) -> Registration:
    def build() -> dict[str, pulumi.Output[str]]:
        return {"id": make().id}

    (found,) = [one for one in record_component(build).resources.values() if one.token.startswith("kubernetes:")]
    return found


@pytest.mark.parametrize("kind", OWN)
def test_an_object_is_registered_as_the_class_of_its_kind_does_it(kind: str) -> None:
    own, theirs, fields = OWN[kind]
    manifest = {{"role_ref": "roleRef"}.get(field, field): value for field, value in fields.items()}
    ours = registered(
        lambda: KubernetesObject("one", own, metadata=METADATA, opts=pulumi.ResourceOptions(), **manifest)
    )
    expected = registered(lambda: theirs("one", metadata=METADATA, **fields))
    # Theirs are for older API versions, which no stack of this program ever had.
    assert ours == dataclasses.replace(expected, aliases=[])


def test_every_kind_of_kubernetes_own_is_held_against_its_class() -> None:
    kinds = {one for one in vars(custom_resource).values() if isinstance(one, Kind)}
    # One that is awaited otherwise is the same kind.
    kinds = {dataclasses.replace(kind, wait_for=()) for kind in kinds}
    own = {kind for kind in kinds if "." not in kind.api_version or "k8s.io/" in kind.api_version}
    assert own == {kind for kind, _, _ in OWN.values()}


def test_the_program_imports_no_api_group_of_pulumi_kubernetes() -> None:
    """Each costs a part of a second at every start of the program."""
    program = (
        "import sys, components.sites; print(*(one for one in sys.modules if one.startswith('pulumi_kubernetes.')))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    loaded = [module for module in imported if module.endswith((".v1", "._inputs"))]
    assert loaded in ([], ["pulumi_kubernetes._inputs"]), loaded
