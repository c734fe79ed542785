"""The check of the tables that two sites publish: a Job on each site, before anything is published or taken.

It runs again whenever one of the sites publishes something else. What it refuses PostgreSQL would not: a table without
a key is published without a word, and its writers fail. Its passwords are files in the pod and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.component import Component
from components.edb.names import (
    OWNER,
    PORT,
    REPLICATION_ROLE,
    app_secret,
    link_host,
    publication_name,
    replicator_secret,
    subscription_name,
)
from components.edb.published import SCHEMA, TABLE, Published, named
from components.edb.trust import trust
from components.restricted_pod import SECRETS, SecretFile
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "edb-published-tables"
SCRIPT = job_script(Path(__file__).parent / "published_tables.sh")


@dataclass(frozen=True, kw_only=True)
class PublishedTablesArgs:
    """What one site publishes and what it takes.

    Attributes:
        site: where the Job runs, in the namespace of its cluster.
        peer: the other site.
        namespace: of the cluster and of its owner's Secret.
        database: the replicated database.
        tls: the sslmode, `require` or `verify-full`.
        own: what the site publishes.
        theirs: what its peer publishes, empty where that is not known yet.
        subscribes: whether the site takes the peer's rows.
        skupper_namespace: where the peer's database appears.
        taken: as the Cluster's; another text means that the peer is asked for its tables again, which are checked anew.
        runtime: of the script, with psql and sed, such as the cluster's own image.
    """

    site: str
    peer: str
    namespace: str
    database: str
    tls: str
    own: Published
    theirs: pulumi.Output[Published]
    subscribes: bool
    skupper_namespace: str
    taken: pulumi.Input[str]
    runtime: Runtime


def script_job(args: PublishedTablesArgs) -> ScriptJobArgs:
    """The check as a Job, which asks nothing of the API server."""
    trusted = trust(args.tls, args.site, args.namespace)
    secrets: dict[str, pulumi.Input[str] | SecretFile] = {"own": app_secret(args.site), **trusted.secrets}
    if args.subscribes:
        secrets["peer"] = replicator_secret(args.peer)
    return ScriptJobArgs(
        job=JOB_NAME,
        account=JOB_NAME,
        namespace=args.namespace,
        script=SCRIPT,
        environment={
            "SITE": args.site,
            "PEER": args.peer,
            "OWN_TABLES": _listed(args.own, TABLE),
            "OWN_SCHEMAS": _listed(args.own, SCHEMA),
            "PEER_TABLES": args.theirs.apply(lambda theirs: _listed(theirs, TABLE)),
            "PEER_SCHEMAS": args.theirs.apply(lambda theirs: _listed(theirs, SCHEMA)),
            "REPLICATOR": REPLICATION_ROLE,
            **(_of_subscription(args) if args.subscribes else {}),
            "CREDENTIALS": f"{SECRETS}/own",
            "PGHOST": trusted.host,
            "PGPORT": str(PORT),
            "PGUSER": OWNER,
            "PGDATABASE": args.database,
            "PGSSLMODE": args.tls,
            **trusted.environment,
        },
        rules=[],
        has_rights_elsewhere=False,
        secrets=secrets,
        runtime=args.runtime,
        repeatable=True,
    )


def _of_subscription(args: PublishedTablesArgs) -> dict[str, pulumi.Input[str]]:
    return {
        "SUBSCRIPTION": subscription_name(args.site, args.peer),
        "PEER_HOST": link_host(args.peer, args.skupper_namespace),
        "PEER_PUBLICATION": publication_name(args.peer),
        "PEER_CREDENTIALS": f"{SECRETS}/peer",
        "TAKEN": args.taken,
    }


def _listed(found: Published, kind: str) -> str:
    # A blank for none: the API server forgets an empty value, and every preview would find another Job.
    return " ".join(named(found, kind)) or " "


class PublishedTables(Component):
    """The Job; whatever publishes or takes the tables depends on this component."""

    def __init__(self, name: str, args: PublishedTablesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the cluster."""
        super().__init__("rhsi:index:PublishedTables", name, opts)
        job = ScriptJob(f"{name}-job", script_job(args), self.child())
        self.register_outputs({"jobId": job.job_id})
