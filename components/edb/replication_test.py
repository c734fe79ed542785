"""The smoke test of the replication: a one-shot Job on one site that writes on both and reads on the other.

`up` awaits it and the next `up` repeats a failed one. Its passwords are files in the pod and nothing else. Its rows are
in the applications' tables: it deletes them, after a failure too, and what it could not reach then, the next one does.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.component import Component, once
from components.edb.names import (
    OWNER,
    PORT,
    app_secret,
    link_host,
    publication_name,
    subscription_name,
    table_name,
)
from components.edb.trust import trust
from components.restricted_pod import SECRETS, SecretFile
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "edb-replication-test"
SCRIPT = job_script(Path(__file__).parent / "replication_test.sh")
# For people's own tables, into which no test writes.
PROGRESS_SCRIPT = job_script(Path(__file__).parent / "progress_test.sh")


@dataclass(frozen=True, kw_only=True)
class ReplicationTestArgs:
    """Which two sites, seen from the one where the Job runs.

    Attributes:
        site: where the Job runs, in the namespace of its cluster.
        peer: the site at the other end of the link.
        link: name of the Link in use; another one is proved anew.
        namespace: of the cluster and of the Secrets of both owners.
        skupper_namespace: where the peer's database appears.
        database: the replicated database.
        tls: the sslmode of both databases, `require` or `verify-full`.
        taken: as the Cluster's; not empty where people replicate their own tables. Another text proves them anew.
        runtime: of the script, with psql and sed, such as the cluster's own image.
    """

    site: str
    peer: str
    link: pulumi.Input[str]
    namespace: str
    skupper_namespace: str
    database: str
    tls: str
    taken: pulumi.Input[str]
    runtime: Runtime


def script_job(args: ReplicationTestArgs) -> ScriptJobArgs:
    """The test as a Job, which asks nothing of the API server."""
    trusted = trust(args.tls, args.site, args.namespace)
    secrets: dict[str, pulumi.Input[str] | SecretFile] = {
        "own": app_secret(args.site),
        "peer": app_secret(args.peer),
        **trusted.secrets,
    }
    return ScriptJobArgs(
        job=JOB_NAME,
        account=JOB_NAME,
        namespace=args.namespace,
        script=PROGRESS_SCRIPT if args.taken else SCRIPT,
        environment={
            "DATABASE": args.database,
            "ROLE": OWNER,
            "LINK": args.link,
            "PGSSLMODE": args.tls,
            **trusted.environment,
            **_environment("OWN", args.site, trusted.host, args.taken),
            **_environment("PEER", args.peer, link_host(args.peer, args.skupper_namespace), args.taken),
            **(_of_own_tables(args) if args.taken else {}),
        },
        rules=[],
        has_rights_elsewhere=False,
        secrets=secrets,
        runtime=args.runtime,
        repeatable=True,
    )


def _environment(prefix: str, site: str, host: str, taken: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    return {
        f"{prefix}_SITE": site,
        f"{prefix}_HOST": host,
        f"{prefix}_PORT": str(PORT),
        **({} if taken else {f"{prefix}_TABLE": table_name(site)}),
        f"{prefix}_CREDENTIALS": f"{SECRETS}/{prefix.lower()}",
    }


def _of_own_tables(args: ReplicationTestArgs) -> dict[str, pulumi.Input[str]]:
    return {
        "OWN_SUBSCRIPTION": subscription_name(args.site, args.peer),
        "PEER_SUBSCRIPTION": subscription_name(args.peer, args.site),
        "PEER_PUBLICATION": publication_name(args.peer),
        "TAKEN": args.taken,
    }


class ReplicationTest(Component):
    """The Job; `result` is known once rows went both ways."""

    result: pulumi.Output[str]

    def __init__(self, name: str, args: ReplicationTestArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the replication."""
        super().__init__("rhsi:index:ReplicationTest", name, opts)
        job = ScriptJob(f"{name}-job", script_job(args), self.child())
        self.result = once(job.job_id, f"{args.site} and {args.peer} replicate both ways")
        self.register_outputs({"result": self.result})
