"""The wait for an operator: a Job that reads what OLM says, and ends with one sentence where OLM cannot go on.

The Job runs where the stack's other Jobs do, in the site's namespace; what it reads is in the operator's and the
catalogue's, and in the cluster. Only names, states and messages, and no Secret, so its account may read them
everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Kind, KubernetesObject
from components.operators.owners import OTHER_OWNERS
from components.operators.rights import Rights, bound
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

SCRIPT = job_script(OTHER_OWNERS, Path(__file__).parent / "await_operator.sh")
# Of the Job and its account, by the part of `rhsi:operators`.
JOB_NAMES: Mapping[str, str] = {
    "skupper": "await-skupper-operator",
    "networkObserver": "await-network-observer-operator",
    "externalSecrets": "await-external-secrets-operator",
    "database": "await-database-operator",
}
# The API server drops an empty value, and every preview would show a change.
NONE = "none"


@dataclass(frozen=True, kw_only=True)
class OperatorWaitArgs:
    """What to wait for.

    Attributes:
        part: key below `rhsi:operators`, for messages and names.
        site_namespace: where the Job runs.
        namespace: of the Subscription.
        subscription: its UID; one that was made anew is awaited anew.
        package: its package and name.
        channel: its channel.
        source: its CatalogSource.
        source_namespace: of that.
        approval: Automatic or Manual.
        starting_csv: the version that is wanted, empty for the channel's newest.
        csv_names: what versions of the package are called before `.v`.
        kinds: what has to be served, as `<plural>.<group>/<version>`.
        runtime: of the script, with kubectl or oc.
    """

    part: str
    site_namespace: str
    namespace: str
    subscription: pulumi.Input[str]
    package: str
    channel: str
    source: str
    source_namespace: str
    approval: str
    starting_csv: str
    csv_names: tuple[str, ...]
    kinds: tuple[str, ...]
    runtime: Runtime


def rights_name(args: OperatorWaitArgs) -> str:
    """Of the rights outside the site's namespace, which several sites of a cluster may have."""
    return f"{JOB_NAMES[args.part]}-{args.site_namespace}"


def cluster_rules(args: OperatorWaitArgs) -> list[dict[str, Any]]:
    """What the script reads of OLM, and whether the kinds are served."""
    olm = ["subscriptions", "installplans", "clusterserviceversions", "catalogsources"]
    definitions = [kind.rpartition("/")[0] for kind in args.kinds]
    return [
        {"apiGroups": ["operators.coreos.com"], "resources": olm, "verbs": ["get", "list"]},
        {"apiGroups": ["packages.operators.coreos.com"], "resources": ["packagemanifests"], "verbs": ["get", "list"]},
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": definitions,
            "verbs": ["get"],
        },
    ]


def catalogue_rules() -> list[dict[str, Any]]:
    """Why a catalogue does not run."""
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]


def script_job(args: OperatorWaitArgs) -> ScriptJobArgs:
    """The wait as a Job; another Subscription, version, channel or catalogue is waited for anew."""
    return ScriptJobArgs(
        job=JOB_NAMES[args.part],
        account=JOB_NAMES[args.part],
        namespace=args.site_namespace,
        script=SCRIPT,
        environment={
            "PART": args.part,
            "NAMESPACE": args.namespace,
            "SUBSCRIPTION": args.subscription,
            "PACKAGE": args.package,
            "CHANNEL": args.channel,
            "SOURCE": args.source,
            "SOURCE_NAMESPACE": args.source_namespace,
            "APPROVAL": args.approval,
            "STARTING_CSV": args.starting_csv or NONE,
            "CSV_NAMES": " ".join(args.csv_names),
            "KINDS": " ".join(args.kinds),
        },
        rules=[],
        has_rights_elsewhere=True,
        secrets={},
        runtime=args.runtime,
        repeatable=True,
    )


class OperatorWait(Component):
    """The Job with its rights; `installed` is known once the operator is there."""

    installed: pulumi.Output[str]

    def __init__(self, name: str, args: OperatorWaitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the Subscription and for the site's namespace."""
        super().__init__("rhsi:index:OperatorWait", name, opts)
        self._args = args
        rights = [
            self._rights(f"{name}-cluster", (CLUSTER_ROLE, CLUSTER_ROLE_BINDING), {}, cluster_rules(args)),
            self._rights(
                f"{name}-catalogue", (ROLE, ROLE_BINDING), {"namespace": args.source_namespace}, catalogue_rules()
            ),
        ]
        job = ScriptJob(f"{name}-job", script_job(args), self.child(depends_on=rights))
        self.installed = once(job.job_id, args.package)
        self.register_outputs({"installed": self.installed})

    def _rights(
        self, name: str, kinds: tuple[Kind, Kind], where: dict[str, str], rules: list[dict[str, Any]]
    ) -> KubernetesObject:
        rights = Rights(
            kinds=kinds,
            metadata={"name": rights_name(self._args), **where},
            rules=rules,
            account=JOB_NAMES[self._args.part],
            site_namespace=self._args.site_namespace,
        )
        return bound(self, name, rights)
