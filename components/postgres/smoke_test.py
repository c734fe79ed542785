"""The smoke test: a one-shot Job on the standby's site that proves the way to the primary, and the way back.

It runs anew whenever the link does, or what a standby must match (`smoke_test.sh` in this folder). The row that it
writes stays, as in the manual procedure: the table is its history.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.component import Component
from components.postgres.replication import PRIMARY, SERVICE_FILE, STANDBY, slot_name
from components.restricted_pod import SECRETS
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "postgres-smoke-test"
SCRIPT = job_script(Path(__file__).parent / "smoke_test.sh")


@dataclass(frozen=True, kw_only=True)
class SmokeTestArgs:
    """What to test.

    Attributes:
        namespace: of the standby and the Listener.
        site: this site; its rows carry the name.
        link: name of the Link in use; another one means another test.
        primary_parameters: see `replication.standby_args`; other ones mean another test too.
        application_secret: Secret whose key `pg_service.conf` says how to reach the primary.
        runtime: of the script, with psql.
    """

    namespace: str
    site: str
    link: pulumi.Input[str]
    primary_parameters: pulumi.Input[str]
    application_secret: pulumi.Input[str]
    runtime: Runtime


def script_job(args: SmokeTestArgs) -> ScriptJobArgs:
    """The test as a Job, without any right in the cluster."""
    return ScriptJobArgs(
        job=JOB_NAME,
        account=JOB_NAME,
        namespace=args.namespace,
        script=SCRIPT,
        environment={
            "PGSERVICEFILE": f"{SECRETS}/application/{SERVICE_FILE}",
            "SERVICE": PRIMARY,
            "STANDBY": STANDBY,
            "SLOT": slot_name(args.site),
            "NAMESPACE": args.namespace,
            "SITE": args.site,
            "LINK": args.link,
            "PRIMARY_PARAMETERS": args.primary_parameters,
        },
        rules=[],
        has_rights_elsewhere=False,
        secrets={"application": args.application_secret},
        runtime=args.runtime,
        repeatable=True,
    )


class SmokeTest(Component):
    """The Job; its result is known only after it passed, for a failure ends the run with the script's last line."""

    result: pulumi.Output[str]

    def __init__(self, name: str, args: SmokeTestArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:SmokeTest", name, opts)
        job = ScriptJob(f"{name}-test", script_job(args), self.child())
        link = pulumi.Output.from_input(args.link)
        self.result = pulumi.Output.all(link, job.job_id).apply(lambda known: f"passed through {known[0]}")
        self.register_outputs({"result": self.result})
