"""Runs a policy of the pack as Pulumi's host does: on inputs whose unknown parts raise, with a configuration."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy.rules import RULES
from tests.unit.recorder import Graph

NAMES = [rule.name for rule in RULES]
UNKNOWN = UNKNOWN_STRING_VALUE
"""What the engine passes for a value that a preview does not know."""
KINDS = {
    "AccessGrant": "skupper.io/v2alpha1",
    "AccessToken": "skupper.io/v2alpha1",
    "ConfigMap": "v1",
    "ExternalSecret": "external-secrets.io/v1",
    "Job": "batch/v1",
    "Namespace": "v1",
    "PersistentVolumeClaim": "v1",
    "Pod": "v1",
    "Secret": "v1",
    "SecretStore": "external-secrets.io/v1",
    "StatefulSet": "apps/v1",
}


def manifest(kind: str, *, api_version: str = "", namespace: str = "rhsi", **fields: Any) -> dict[str, Any]:
    """An object called `it`."""
    return {
        "apiVersion": api_version or KINDS[kind],
        "kind": kind,
        "metadata": {"name": "it", "namespace": namespace},
        **fields,
    }


def token(properties: Mapping[str, Any]) -> str:
    """Pulumi's type of a manifest."""
    version = str(properties["apiVersion"])
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{properties['kind']}"


def options(*, protect: bool = False) -> PolicyResourceOptions:
    """A resource's options as a policy sees them."""
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


def judge(
    rule: str,
    properties: Mapping[str, Any],
    *,
    kind: str = "",
    protect: bool = False,
    config: Mapping[str, Any] | None = None,
) -> list[str]:
    """What one policy says of one resource; its type is that of the manifest unless `kind` names another."""
    policy = next(one for one in RULES if one.name == rule).policy()
    assert isinstance(policy, ResourceValidationPolicy)
    said: list[str] = []
    args = ResourceValidationArgs(
        kind or token(properties),
        unknown_checking_proxy(dict(properties)),
        "urn:pulumi:site-a::rhsi::any::it",
        "it",
        options(protect=protect),
        None,
        config,
    )

    def report(message: str, _urn: str | None = None) -> None:
        said.append(message)

    policy.validate(args, report)
    return said


def judge_all(graph: Graph) -> list[tuple[str, str]]:
    """What every policy says of everything that a program makes, with the policy's name.

    The inputs are those that went to the engine, unknown values and marks of secrets included. What the program only
    reads is somebody else's, and the engine asks no policy about it.
    """
    said: list[tuple[str, str]] = []
    sent: dict[str, dict[str, Any]] = {}
    for urn, properties in graph.sent:
        # What comes later for the same resource are a component's outputs.
        sent.setdefault(urn, properties)
    resources = [
        PolicyResource(
            one.token,
            unknown_checking_proxy(deserialize_properties(sent[one.urn])),
            one.urn,
            one.name,
            options(protect=one.protect),
            None,
            None,
            [],
            {},
        )
        for one in graph.resources.values()
        if not one.read_id
    ]
    for rule in RULES:
        policy = rule.policy()

        def report(message: str, _urn: str | None = None, name: str = rule.name) -> None:
            said.append((name, message))

        if isinstance(policy, StackValidationPolicy):
            policy.validate(StackValidationArgs(resources), report)
            continue
        assert isinstance(policy, ResourceValidationPolicy)
        for one in resources:
            args = ResourceValidationArgs(one.resource_type, one.props, one.urn, one.name, one.opts, None)
            policy.validate(args, report)
    return said


def judge_stack(rule: str, *resources: tuple[Mapping[str, Any], bool]) -> list[tuple[str, str]]:
    """What one policy says of resources together: each is a manifest and whether it is protected; with the URNs."""
    policy = next(one for one in RULES if one.name == rule).policy()
    assert isinstance(policy, StackValidationPolicy)
    said: list[tuple[str, str]] = []
    known = [
        PolicyResource(
            token(properties),
            unknown_checking_proxy(dict(properties)),
            f"urn:{index}",
            "it",
            options(protect=protect),
            None,
            None,
            [],
            {},
        )
        for index, (properties, protect) in enumerate(resources)
    ]

    def report(message: str, urn: str | None = None) -> None:
        said.append((message, urn or ""))

    policy.validate(StackValidationArgs(known), report)
    return said
