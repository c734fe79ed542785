"""A namespace and whose it is: no stack touches what is in one before the API server has confirmed that it may.

Owns the Namespace, where it is the stack's own, the ConfigMap that names the owner, and the NetworkPolicies without
which nothing in it might work. A Namespace is created and never taken over. The ConfigMap is applied without force,
under a field manager that carries the owner: the API server refuses another owner's and names the first, and a killed
run's own is no conflict (https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts). Does not look at
other objects: what is in a namespace belongs to its owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CONFIG_MAP, NAMESPACE, NETWORK_POLICY, ExistingObject, KubernetesObject
from components.owner import OWNER_ANNOTATION, Owner, OwnerError

OWNER_CONFIG_MAP = "rhsi-owner"
# Names what one run takes from whoever has it, joined by commas: namespaces, and single objects that a stack creates.
TAKE_OVER = "RHSI_TAKE_OVER"
# The API server's limit (k8s.io/apimachinery, validation.FieldManagerMaxLength).
MANAGER_LENGTH = 128


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """A namespace that this stack uses, and nobody else.

    Attributes:
        namespace: its name.
        create: whether the Namespace is this stack's; otherwise it must be there.
        protect: whether `pulumi destroy`, and a change of its name, must leave the Namespace alone.
        policies: specs of NetworkPolicies in it, by name.
        owner: who uses it.
        creating: a provider that creates what does not exist and refuses what does.
        claiming: a provider that applies without force.
    """

    namespace: str
    create: bool
    protect: bool
    policies: Mapping[str, Mapping[str, Any]]
    owner: Owner
    creating: pulumi.ProviderResource
    claiming: pulumi.ProviderResource


def field_manager(stack: str, number: str) -> str:
    """The owner as a field manager; the number distinguishes stacks of one name in two state backends."""
    return f"rhsi {stack}"[: MANAGER_LENGTH - len(number) - 1] + f" {number}"


def check_owner(found: Mapping[str, str] | None, number: str, namespace: str) -> None:
    """Whether a namespace is still this stack's.

    Raises:
        OwnerError: it is another one's now.
    """
    found = found or {}
    if found.get("id") != number:
        other = found.get("stack", "of unknown name")
        raise OwnerError(
            f"Namespace {namespace} belongs to another stack now, {other}: its ConfigMap {OWNER_CONFIG_MAP} says so. "
            "Nothing in it was changed: give one of the two another namespace, or take it back with "
            f"`{TAKE_OVER}={namespace} pulumi up --refresh -s {pulumi.get_stack()}`."
        )


def owned_namespace(component: Component, name: str, args: NamespaceArgs) -> list[pulumi.Input[pulumi.Resource]]:
    """Register the namespace as children of a component, and return what everything in it must depend on.

    Args:
        component: the parent.
        name: what the logical names begin with.
        args: which namespace, and whose.

    Raises:
        OwnerError: another stack has taken it over since the last run; as an error of what is returned.
    """
    made = []
    if args.create:
        namespace = KubernetesObject(
            f"{name}-namespace",
            NAMESPACE,
            metadata={"name": args.namespace, "annotations": {OWNER_ANNOTATION: args.owner.stack}},
            opts=component.child(protect=args.protect, provider=args.creating),
        )
        made.append(namespace)
    manager = args.owner.id.apply(lambda number: field_manager(args.owner.stack, number))
    claim = KubernetesObject(
        f"{name}-owner",
        CONFIG_MAP,
        metadata={
            "name": OWNER_CONFIG_MAP,
            "namespace": args.namespace,
            "annotations": {"pulumi.com/patchFieldManager": manager},
        },
        data={"stack": args.owner.stack, "id": args.owner.id},
        opts=component.child(depends_on=made, provider=args.claiming, protect=args.create and args.protect),
    )
    # The state only knows what this stack once applied; whether somebody took it since is in the cluster.
    found = ExistingObject(
        f"{name}-owner-now",
        CONFIG_MAP,
        object_id=once(claim, f"{args.namespace}/{OWNER_CONFIG_MAP}"),
        opts=component.child(),
    )

    def checked(known: list[object]) -> pulumi.Resource:
        data, number = known
        check_owner(data, str(number), args.namespace)  # type: ignore[arg-type]  # what Output.all hands over has no types
        return claim

    owned: list[pulumi.Input[pulumi.Resource]] = [
        *made,
        claim,
        pulumi.Output.all(found.data, args.owner.id).apply(checked),
    ]
    policies = [
        KubernetesObject(
            f"{name}-{policy}",
            NETWORK_POLICY,
            metadata={"name": policy, "namespace": args.namespace},
            spec=spec,
            opts=component.child(depends_on=owned),
        )
        for policy, spec in args.policies.items()
    ]
    return [*owned, *policies]
