"""What the doctor asks for, against what the program registers: every example of the reference, object by object."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from components.settings import Settings
from docs.generate.stack_files import Example
from ops.clusters import Right
from ops.doctor import images, kinds, policy_file
from ops.doctor.needs import rights
from tests.unit.recorder import Graph, Registration, record, reveal, settings_of
from tests.unit.test_configuration import EXAMPLES, given, primary_of, stack_of

CORE = ("v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1")
# What the program's own operators bring (components/operators/packages.py), and OLM's, which those need.
BROUGHT = {"ExternalSecretsConfig"}
IRREGULAR = {"NetworkPolicy": "networkpolicies", "RouterAccess": "routeraccesses"}

of_examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.stem)


@cache
def recorded(file: str) -> tuple[Settings, Graph]:
    (example,) = [one for one in EXAMPLES if str(one.file) == file]
    outputs = primary_of(example) if example.role == "standby" else None
    values, stack = given(example), stack_of(example)
    return settings_of(values, stack=stack), record(values, stack=stack, primary_outputs=outputs, vault={})


def objects(graph: Graph) -> Iterator[tuple[str, str, Mapping[str, Any], Registration]]:
    """Every object of a cluster that the program makes: apiVersion, kind, metadata."""
    for one in graph.resources.values():
        if one.token.startswith("kubernetes:") and not one.read_id and "metadata" in one.inputs:
            inputs: Any = reveal(one.inputs)
            yield inputs["apiVersion"], inputs["kind"], inputs["metadata"], one


@of_examples
def test_every_kind_of_the_program_is_looked_for(example: Example) -> None:
    settings, graph = recorded(str(example.file))
    known = {(kind.api_version, kind.kind) for wanted in kinds.needed(settings) for kind in wanted.kinds}
    used = {(version, kind) for version, kind, _, _ in objects(graph) if version not in CORE and kind not in BROUGHT}
    assert used <= known, sorted(used - known)


@of_examples
def test_every_object_of_the_program_has_its_rights(example: Example) -> None:
    settings, graph = recorded(str(example.file))
    asked = set(rights(settings))
    missing = []
    for version, kind, metadata, _ in objects(graph):
        group = version.rpartition("/")[0]
        plural = IRREGULAR.get(kind, f"{kind.lower()}s")
        for verb in ("create", "patch", "delete"):
            names = [""] if verb == "create" else ["", metadata["name"]]
            places = ["", metadata.get("namespace", "")]
            wanted = {
                Right(verb=verb, group=group, resource=plural, name=name, namespace=namespace)
                for name in names
                for namespace in places
            }
            if not wanted & asked:
                missing.append(f"{verb} {plural} {metadata.get('namespace', '')}/{metadata['name']}")
    assert not missing


def paths_of(graph: Graph) -> Iterator[str]:
    """The paths of Vault's API that the program writes."""
    for one in graph.resources.values():
        inputs: Any = reveal(one.inputs)
        match one.token:
            case "vault:index/mount:Mount":
                yield f"sys/mounts/{inputs['path']}"
            case "vault:index/authBackend:AuthBackend" | "vault:jwt/authBackend:AuthBackend":
                yield f"sys/auth/{inputs['path']}"
            case "vault:index/policy:Policy":
                yield f"sys/policies/acl/{inputs['name']}"
            case "vault:kubernetes/authBackendConfig:AuthBackendConfig":
                yield f"auth/{inputs['backend']}/config"
            case "vault:kubernetes/authBackendRole:AuthBackendRole" | "vault:jwt/authBackendRole:AuthBackendRole":
                yield f"auth/{inputs['backend']}/role/{inputs['roleName']}"
            case "vault:kv/secretV2:SecretV2":
                yield f"{inputs['mount']}/data/{inputs['name']}"


@of_examples
def test_every_path_that_the_program_writes_is_asked_for(example: Example) -> None:
    settings, graph = recorded(str(example.file))
    allowed = {one.path for one in policy_file.paths(settings) if one.needed}
    # A folder stands for what is in it.
    folders = tuple(f"{path.rpartition('/')[0]}/" for path in allowed if "/data/" in path and "edb-repos2" not in path)
    missing = [path for path in paths_of(graph) if path not in allowed and not (folders and path.startswith(folders))]
    assert not missing


def pod_images(value: Any) -> Iterator[str]:
    """Every image in a manifest's pods."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("containers", "initContainers"):
                yield from (container["image"] for container in one)
            yield from pod_images(one)
    elif isinstance(value, list):
        for one in value:
            yield from pod_images(one)


@of_examples
def test_every_image_of_the_programs_pods_is_looked_for(example: Example) -> None:
    settings, graph = recorded(str(example.file))
    known = images.images(settings)
    used = {
        (image, metadata["namespace"])
        for _, kind, metadata, one in objects(graph)
        if kind in ("Job", "CronJob", "StatefulSet")
        for image in pod_images(reveal(one.inputs)["spec"])
    }
    assert used <= set(known.items()), sorted(used - set(known.items()))
