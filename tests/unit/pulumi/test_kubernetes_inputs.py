"""What the kubernetes provider makes of its inputs: its settings, names for objects, secrets in their outputs."""

import json
from typing import Any

from lab.pulumi.kubernetes import objects
from lab.pulumi.kubernetes.naming import named
from lab.pulumi.kubernetes.settings import Settings, diff_settings
from lab.pulumi.provider import Request
from lab.pulumi.values import UNKNOWN, Secret


def test_another_cluster_replaces_everything_unless_an_identifier_stays() -> None:
    old = {"context": "a", "kubeconfig": ""}
    assert diff_settings(old, {**old, "context": "b"}).replace == ["context"]
    marked = {**old, "clusterIdentifier": "one"}
    assert diff_settings(marked, {**marked, "context": "b"}).replace == []
    assert diff_settings(marked, {**marked, "clusterIdentifier": "two"}).replace == ["clusterIdentifier"]
    assert not diff_settings(marked, {**marked}).changes


def test_a_kubeconfig_that_leads_to_the_same_server_replaces_nothing() -> None:
    def config(user: str, server: str) -> str:
        cluster = {"name": "c", "cluster": {"server": server}}
        context = {"name": "x", "context": {"cluster": "c", "user": user}}
        return json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "x"})

    old = {"kubeconfig": config("a", "https://one")}
    assert diff_settings(old, {"kubeconfig": config("b", "https://one")}).replace == []
    assert diff_settings(old, {"kubeconfig": config("a", "https://two")}).replace == ["kubeconfig"]


def test_of_an_imported_object_the_inputs_are_those_that_the_schema_has() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "other": "kept"}
    metadata = {"name": "n", "namespace": "s", "uid": "1", "annotations": annotations}
    live: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"a": 1}, "status": {}}
    kept = {"name": "n", "namespace": "s", "annotations": {"other": "kept"}}
    assert objects.all_inputs(live) == {"apiVersion": "v1", "kind": "Service", "metadata": kept, "spec": {"a": 1}}
    custom = {**live, "apiVersion": "skupper.io/v2alpha1", "kind": "Listener"}
    known = {"name": "n", "namespace": "s"}
    assert objects.all_inputs(custom) == {"apiVersion": "skupper.io/v2alpha1", "kind": "Listener", "metadata": known}


def test_settings_are_read_as_the_sdk_sends_them() -> None:
    settings = Settings.of(
        {"kubeconfig": "", "context": "c", "upsertExistingObjects": "true", "enablePatchForce": "false"}
    )
    assert (settings.context, settings.upsert, settings.force) == ("c", True, False)


def request(news: dict[str, Any], olds: dict[str, Any] | None = None) -> Request:
    return Request(urn="urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::thing", news=news, olds=olds)


def test_an_unnamed_object_gets_a_name_and_keeps_it() -> None:
    first = named(request({"kind": "ConfigMap"}), lambda _: "here")
    name = first["metadata"]["name"]
    assert name.startswith("thing-")
    assert len(name) == len("thing-") + 8
    assert first["metadata"] == {"name": name, "annotations": {objects.AUTONAMED: "true"}, "namespace": "here"}
    assert named(request({"kind": "ConfigMap"}, first), lambda _: "here") == first


def test_a_given_name_and_namespace_stay_even_if_unknown() -> None:
    metadata = {"name": UNKNOWN, "namespace": UNKNOWN}
    assert named(request({"kind": "ConfigMap", "metadata": metadata}), lambda _: "here")["metadata"] == metadata


def test_secrets_of_the_inputs_are_secret_in_the_outputs() -> None:
    origin = {"spec": {"a": Secret("x"), "b": [1, Secret(2)]}, "metadata": {"name": "n"}}
    live = {"kind": "Site", "spec": {"a": "x", "b": [1, 2], "c": 3}, "metadata": {"name": "n"}, "status": {}}
    outputs = objects.checkpoint({"spec": {"a": "x"}}, live, origin, "v1", "m")
    assert outputs["spec"] == {"a": Secret("x"), "b": Secret([1, 2]), "c": 3}
    assert outputs["__inputs"] == {"spec": {"a": Secret("x")}}
    assert objects.split_checkpoint(outputs) == ({"spec": {"a": "x"}}, live)


def test_the_data_of_a_secret_is_always_secret() -> None:
    outputs = objects.checkpoint({}, {"kind": "Secret", "data": {"a": "eA=="}}, {}, "v1", "m")
    assert outputs["data"] == Secret({"a": "eA=="})
