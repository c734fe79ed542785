"""One operator: its Subscription, and the wait until it serves.

A Subscription that exists already is somebody's: it is created or refused, never taken over. What OLM makes of it
(InstallPlan, ClusterServiceVersion, definitions) is OLM's. With the Subscription goes the upkeep, while the operator
runs on for whoever uses it on this cluster; only an own namespace takes it along (namespace.py). Definitions stay in
any case, or every object of their kinds would go with them.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import OLM_SUBSCRIPTION, KubernetesObject
from components.namespace import NamespaceArgs
from components.operators.packages import Package
from components.operators.waiting import OperatorWait, OperatorWaitArgs
from components.owner import OWNER_ANNOTATION
from components.script_job import Runtime


@dataclass(frozen=True, kw_only=True)
class OperatorArgs:
    """An operator.

    Attributes:
        part: key below `rhsi:operators`.
        package: which one.
        namespace: where it lives, and whether it is the stack's own (`create`).
        creating: a provider that creates the Subscription and refuses one that exists.
        channel: its channel.
        source: the CatalogSource.
        source_namespace: of that.
        starting_csv: the version to install first, and with Manual approval the one to stay at; empty for the newest.
        approval: Automatic, or Manual for InstallPlans that a person approves.
        site_namespace: where the wait runs.
        runtime: of the wait.
    """

    part: str
    package: Package
    namespace: NamespaceArgs
    creating: pulumi.ProviderResource
    channel: str
    source: str
    source_namespace: str
    starting_csv: str
    approval: str
    site_namespace: str
    runtime: Runtime


def subscription_spec(args: OperatorArgs) -> dict[str, Any]:
    """Spec of the Subscription; what is not asked for is absent."""
    spec: dict[str, Any] = {
        "name": args.package.name,
        "channel": args.channel,
        "source": args.source,
        "sourceNamespace": args.source_namespace,
        "installPlanApproval": args.approval,
    }
    if args.starting_csv:
        spec["startingCSV"] = args.starting_csv
    if args.package.environment:
        spec["config"] = {"env": [{"name": name, "value": value} for name, value in args.package.environment.items()]}
    return spec


def wait_args(args: OperatorArgs, subscription: KubernetesObject) -> OperatorWaitArgs:
    """The wait for it; which Subscription it is about is unknown as long as that is still to be made."""
    known = pulumi.Output.all(subscription.id, subscription.metadata)
    return OperatorWaitArgs(
        part=args.part,
        site_namespace=args.site_namespace,
        namespace=args.namespace.namespace,
        subscription=known.apply(lambda both: str(both[1].get("uid", ""))),
        package=args.package.name,
        channel=args.channel,
        source=args.source,
        source_namespace=args.source_namespace,
        approval=args.approval,
        starting_csv=args.starting_csv,
        csv_names=args.package.csv_names,
        kinds=args.package.kinds,
        runtime=args.runtime,
    )


class Operator(Component):
    """The Subscription, awaited until its operator serves its kinds; whoever uses one of them depends on this."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for an own namespace and for what is in there first."""
        super().__init__("rhsi:index:Operator", name, opts)
        subscription = KubernetesObject(
            f"{name}-subscription",
            OLM_SUBSCRIPTION,
            metadata={
                "name": args.package.name,
                "namespace": args.namespace.namespace,
                "annotations": {
                    OWNER_ANNOTATION: args.namespace.owner.stack,
                    # Of what this stack has made it keeps the say, also after somebody's change by hand.
                    "pulumi.com/patchForce": "true",
                },
            },
            spec=subscription_spec(args),
            opts=self.child(provider=args.creating),
        )
        wait = OperatorWait(f"{name}-wait", wait_args(args, subscription), self.child(depends_on=[subscription]))
        self.register_outputs({"installed": wait.installed})
