"""Databases: subscriptions that send nothing back, and data that no single command deletes."""

from typing import Any

import pytest

from tests.unit.policy.judging import UNKNOWN, judge, judge_stack, manifest

GROUPS = ["postgresql.cnpg.io/v1", "postgresql.k8s.enterprisedb.io/v1"]
VOLUMES: dict[str, Any] = {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
DELETED = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}


def subscription(group: str, **spec: Any) -> dict[str, Any]:
    return manifest("Subscription", api_version=group, spec=spec)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("parameters", [{"origin": "none"}, {"origin": UNKNOWN}, UNKNOWN])
def test_a_subscription_to_what_the_other_site_wrote_is_allowed(group: str, parameters: object) -> None:
    assert not judge("subscription-origin", subscription(group, parameters=parameters))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    ("parameters", "value"), [({"origin": "any"}, '"any"'), ({}, "not set"), (None, "not set"), ({"origin": ""}, '""')]
)
def test_another_origin_is_refused(group: str, parameters: object, value: str) -> None:
    assert judge("subscription-origin", subscription(group, parameters=parameters)) == [
        f"Subscription rhsi/it: spec.parameters.origin is {value}, so two sites send each row back and forth; set "
        '"none".'
    ]


def test_a_subscription_of_olm_is_another_thing() -> None:
    assert not judge("subscription-origin", subscription("operators.coreos.com/v1alpha1", name="skupper-operator"))


def mount(kind: str) -> dict[str, Any]:
    return {"path": "rhsi", "type": kind}


MOUNT = "vault:index/mount:Mount"


def test_a_protected_mount_is_allowed_and_another_one_is_not() -> None:
    assert not judge("data-protected", mount("kv"), kind=MOUNT, protect=True)
    assert judge("data-protected", mount("kv"), kind=MOUNT) == [
        "Mount rhsi is not protected, and `pulumi destroy` deletes every secret in it; protect it (this program: "
        "`rhsi:protect: true`; others: ResourceOptions(protect=True))."
    ]
    assert judge("data-protected", mount(UNKNOWN), kind=MOUNT), "it may be one"
    assert not judge("data-protected", mount("transit"), kind=MOUNT)
    assert not judge("data-protected", {}, kind=MOUNT)


@pytest.mark.parametrize("group", GROUPS)
def test_a_database_cluster_is_protected(group: str) -> None:
    cluster = manifest("Cluster", api_version=group, spec={})
    assert not judge("data-protected", cluster, protect=True)
    assert "deletes its databases" in judge("data-protected", cluster)[0]
    assert not judge("data-protected", manifest("Cluster", api_version="example.com/v1"))


def test_a_volume_is_protected() -> None:
    assert "deletes its volume;" in judge("data-protected", manifest("PersistentVolumeClaim"))[0]


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({**VOLUMES, **DELETED}, True),
        ({**VOLUMES, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}, False),
        ({**VOLUMES, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}, False),
        (VOLUMES, False),
        (DELETED, False),
        ({**VOLUMES, "persistentVolumeClaimRetentionPolicy": UNKNOWN}, False),
        (UNKNOWN, False),
    ],
)
def test_volumes_that_go_with_their_stateful_set_are_protected(spec: Any, refused: bool) -> None:
    assert bool(judge("data-protected", manifest("StatefulSet", spec=spec))) == refused


def test_a_namespace_with_a_database_is_protected() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rhsi"}}
    database = manifest("StatefulSet", spec=VOLUMES)
    rule = "data-namespace-protected"
    assert not judge_stack(rule, (namespace, True), (database, False))
    assert judge_stack(rule, (database, True), (namespace, False)) == [
        (
            "Namespace rhsi is not protected, and the volumes of StatefulSet rhsi/it are deleted with it; protect it "
            "(this program: `rhsi:protect: true`; others: ResourceOptions(protect=True)).",
            "urn:1",
        )
    ]
    assert not judge_stack(rule, (namespace, False)), "an empty one has nothing to lose"
    assert not judge_stack(rule, (namespace, False), (manifest("StatefulSet", spec={}), False))
    assert not judge_stack(rule, (namespace, False), (manifest("StatefulSet", namespace="db", spec=VOLUMES), False))
    unknown = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": UNKNOWN}}
    assert not judge_stack(rule, (unknown, False), (database, False))
