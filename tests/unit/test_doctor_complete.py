"""The rights that the doctor asks for are enough for everything that the program registers, whatever is switched on.

The other half, that they are not too many, is the lab's: it runs both stacks with exactly these.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from ops.clusters import Right
from ops.doctor.needs import rights
from ops.doctor.policy_file import paths
from tests.unit import urns
from tests.unit.recorder import Registration, reveal, settings_of

WRITES = ("create", "list", "watch", "get", "patch", "delete")
"""Of every object that is a stack's own: it is applied, awaited and deleted."""

BY_NAME = ("get", "patch", "delete")
"""Of these a role may name the object."""

VAULT = {
    "vault:index/mount:Mount": "sys/mounts/{path}",
    "vault:index/policy:Policy": "sys/policies/acl/{name}",
    "vault:index/authBackend:AuthBackend": "sys/auth/{path}",
    "vault:jwt/authBackend:AuthBackend": "sys/auth/{path}",
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": "auth/{backend}/config",
    "vault:kubernetes/authBackendRole:AuthBackendRole": "auth/{backend}/role/{roleName}",
    "vault:jwt/authBackendRole:AuthBackendRole": "auth/{backend}/role/{roleName}",
}
"""Where a resource is in Vault's API."""


@cache
def registered(variant: str) -> list[Registration]:
    return urns.registered(urns.VARIANTS[variant])


def plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith("y"):
        return name.removesuffix("y") + "ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def group(api_version: str) -> str:
    return api_version.rpartition("/")[0].removeprefix("core")


def used(one: Registration) -> Iterator[Right]:
    """What `up`, `refresh` and `destroy` do with an object."""
    if one.read_id:
        _, api_version, kind = one.token.split(":")
        namespace, _, name = one.read_id.rpartition("/")
        resource = plural(kind)
        yield Right(verb="get", group=group(api_version), resource=resource, name=name, namespace=namespace)
        return
    metadata = reveal(one.inputs["metadata"])
    namespace = str(reveal(metadata.get("namespace")) or "")
    of, resource = group(one.inputs["apiVersion"]), plural(one.inputs["kind"])
    for verb in WRITES:
        name = str(reveal(metadata["name"])) if verb in BY_NAME else ""
        yield Right(verb=verb, group=of, resource=resource, name=name, namespace=namespace)
    # The API server lets nobody grant what he does not hold.
    for rule in reveal(one.inputs.get("rules")) or []:
        yield from held(reveal(rule), namespace)


def held(rule: dict[str, Any], namespace: str) -> Iterator[Right]:
    for of in rule["apiGroups"]:
        for resource in rule["resources"]:
            kind, _, subresource = resource.partition("/")
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames", [""]):
                    yield Right(
                        verb=verb,
                        group=of,
                        resource=kind,
                        subresource=subresource,
                        name=str(reveal(name)),
                        namespace=namespace,
                    )


def covers(asked: Right, wanted: Right) -> bool:
    same = ("verb", "group", "resource", "subresource")
    return (
        all(getattr(asked, field) == getattr(wanted, field) for field in same)
        and asked.name in ("", wanted.name)
        and asked.namespace in ("", wanted.namespace)
    )


@pytest.mark.parametrize("variant", urns.VARIANTS)
def test_every_object_that_a_stack_registers_is_asked_about(variant: str) -> None:
    of = urns.VARIANTS[variant]
    asked = rights(settings_of(of.settings, stack=of.stack))
    objects = [one for one in registered(variant) if one.token.startswith("kubernetes:")]
    wanted = {right for one in objects for right in used(one)}
    assert len(wanted) > 3
    missing = sorted(str(right) for right in wanted if not any(covers(one, right) for one in asked))
    assert missing == [], "each of these would fail `up` without a word of the doctor's"


@pytest.mark.parametrize("variant", urns.VARIANTS)
def test_every_path_of_vault_that_a_stack_writes_is_asked_about(variant: str) -> None:
    of = urns.VARIANTS[variant]
    asked = {one.path: set(one.capabilities) for one in paths(settings_of(of.settings, stack=of.stack))}
    for one in registered(variant):
        inputs = {key: reveal(value) for key, value in one.inputs.items()}
        if one.token in VAULT:
            path = VAULT[one.token].format(**inputs)
            assert asked[path] >= {"create", "read", "update"}, path
        elif one.token == "vault:kv/secretV2:SecretV2":
            folder = f"{inputs['mount']}/data/{inputs['name']}".rpartition("/")[0]
            known = [path for path in asked if path.startswith(f"{folder}/")]
            assert known, f"nothing in {folder} is asked about"
            assert asked[known[0]] >= {"create", "read", "update", "delete"}
