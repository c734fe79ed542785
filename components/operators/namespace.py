"""A namespace that is an operator's own, as its OperatorGroup makes it one."""

import pulumi

from components.component import Component
from components.custom_resource import OPERATOR_GROUP, KubernetesObject
from components.namespace import NamespaceArgs, owned_namespace


def operator_group_spec() -> dict[str, str]:
    """Without target namespaces the operator serves all of them, as those in the platform's namespace do."""
    return {"upgradeStrategy": "Default"}


class OperatorNamespace(Component):
    """The Namespace, created and never taken over, and its OperatorGroup; both go with the operator, and it with them.

    `ready` is what everything in it depends on.
    """

    ready: list[pulumi.Input[pulumi.Resource]]

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:OperatorNamespace", name, opts)
        owned = owned_namespace(self, name, args)
        group = KubernetesObject(
            f"{name}-group",
            OPERATOR_GROUP,
            metadata={"name": args.namespace, "namespace": args.namespace},
            spec=operator_group_spec(),
            opts=self.child(depends_on=owned),
        )
        self.ready = [*owned, group]
        self.register_outputs({"namespace": args.namespace})
