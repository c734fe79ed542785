"""Whose the operators of a cluster are, looked up before this stack asks OLM for anything.

A Subscription of this stack would bring its own channel's definitions to everybody on the cluster, and no refusal takes
them back. So one Job looks for other people's Subscriptions to the same packages, before any own namespace and any own
Subscription. It runs anew where an operator is added or moves; the wait for an operator looks again (waiting.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.component import Component
from components.custom_resource import CLUSTER_ROLE, CLUSTER_ROLE_BINDING
from components.operators.rights import Rights, bound
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

OTHER_OWNERS = Path(__file__).parent / "other_owners.sh"
SCRIPT = job_script(OTHER_OWNERS, Path(__file__).parent / "check_owners.sh")
# Of the Job and its account.
JOB_NAME = "check-operator-owners"
RULES = [{"apiGroups": ["operators.coreos.com"], "resources": ["subscriptions"], "verbs": ["get", "list"]}]


@dataclass(frozen=True, kw_only=True)
class OperatorOwnersArgs:
    """What to look for.

    Attributes:
        site_namespace: where the Job runs.
        wanted: part of `rhsi:operators` -> where this stack's own Subscription is or will be, `<namespace>/<package>`.
        runtime: of the script, with kubectl or oc.
    """

    site_namespace: str
    wanted: Mapping[str, str]
    runtime: Runtime


def script_job(args: OperatorOwnersArgs) -> ScriptJobArgs:
    """The look as a Job."""
    return ScriptJobArgs(
        job=JOB_NAME,
        account=JOB_NAME,
        namespace=args.site_namespace,
        script=SCRIPT,
        environment={"WANTED": " ".join(f"{part}={place}" for part, place in args.wanted.items())},
        rules=[],
        has_rights_elsewhere=True,
        secrets={},
        runtime=args.runtime,
        repeatable=True,
    )


class OperatorOwners(Component):
    """The Job with its rights; whatever asks OLM for an operator depends on this."""

    def __init__(self, name: str, args: OperatorOwnersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the site's namespace."""
        super().__init__("rhsi:index:OperatorOwners", name, opts)
        rights = Rights(
            kinds=(CLUSTER_ROLE, CLUSTER_ROLE_BINDING),
            metadata={"name": f"{JOB_NAME}-{args.site_namespace}"},
            rules=RULES,
            account=JOB_NAME,
            site_namespace=args.site_namespace,
        )
        binding = bound(self, f"{name}-cluster", rights)
        ScriptJob(f"{name}-job", script_job(args), self.child(depends_on=[binding]))
        self.register_outputs({})
