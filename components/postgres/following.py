"""Whether a standby follows its primary, as of this run: asked in every preview and `up`, also where nothing changes.

Kubernetes is asked, which knows it from the readiness probe (replication.py). A standby that does not follow ends no
run: it serves reads, and follows by itself once the link and the primary are back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import STATEFUL_SET, ExistingObject
from components.postgres.replication import PRIMARY, STANDBY


@dataclass(frozen=True, kw_only=True)
class FollowingArgs:
    """Which standby.

    Attributes:
        namespace: of the standby.
        stateful_set: `<namespace>/<name>` of its StatefulSet, unknown until it is there.
    """

    namespace: str
    stateful_set: pulumi.Input[str]


def is_ready(metadata: Mapping[str, Any] | None, status: Mapping[str, Any] | None) -> bool:
    """Whether the pod of the StatefulSet's present generation is Ready."""
    generation, status = (metadata or {}).get("generation", 0), status or {}
    observed = status.get("observedGeneration", 0) >= generation
    return bool(observed and status.get("readyReplicas") and status.get("updatedReplicas"))


def warning(namespace: str) -> str:
    """What a run says of a standby that is not ready."""
    return (
        f"{STANDBY} does not follow {PRIMARY} now. A first copy, a restart or a link that is down take their time; "
        f"`kubectl describe pod {STANDBY}-0 -n {namespace}` says what it is, and 'The standby does not follow' in "
        "docs/troubleshooting/streaming.md what to do."
    )


class Following(Component):
    """The StatefulSet read anew; a warning where its pod is not Ready."""

    follows: pulumi.Output[bool]

    def __init__(self, name: str, args: FollowingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` may make it wait for what proves more."""
        super().__init__("rhsi:index:Following", name, opts)
        found = ExistingObject(f"{name}-server", STATEFUL_SET, object_id=args.stateful_set, opts=self.child())

        def told(metadata: Any, status: Any) -> bool:
            follows = is_ready(metadata, status)
            if not follows:
                pulumi.log.warn(warning(args.namespace), self)
            return follows

        self.follows = pulumi.Output.all(found.metadata, found.status).apply(lambda known: told(*known))
        self.register_outputs({"follows": self.follows})
