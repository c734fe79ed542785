"""What is done to a running server from outside its pod: a one-shot Job that talks to it as superuser, over `exec`.

So a user, a database or a slot comes and a standby is promoted without a restart, and without an administrator's
password anywhere: whoever may `exec` into the pod needs none. The Job may do so for this one pod, and nothing else. It
runs anew whenever anything about it changes (`upkeep.sh` in this folder). A server of which nothing is asked has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "postgres-upkeep"
SCRIPT = job_script(Path(__file__).parent / "upkeep.sh")
NO_SLOT = "-"


@dataclass(frozen=True, kw_only=True)
class UpkeepArgs:
    """What a server shall be. Whatever is empty is not asked for.

    Attributes:
        namespace: of the server.
        server: name of its StatefulSet.
        server_uid: of that; another one may be another server, in which everything is missing.
        promote: whether it becomes a primary, if it is none yet.
        wal_keep: with `promote`: how much WAL it keeps for whoever follows it, as a PostgreSQL size.
        parameters: with `promote`: what the former primary had, from `parameters.assignments`.
        users: Secrets with `username` and `password` of roles that this Job makes, by folder in its pod.
        own_users: likewise, of roles that exist, by folder.
        passwords: any text that changes with a password; none of them is part of the Job.
        databases: their owners, by name.
        monitor: a role that may read statistics, without a password.
        slots: names of all slots that standbys need, or None where they are not this Job's business.
        reserve: whether a slot that is made keeps WAL at once.
        version: the major version that it must have.
        access: a text that the access rules have in them once the pod sees them.
        runtime: of the script, with kubectl or oc.
    """

    namespace: str
    server: str
    server_uid: pulumi.Input[str]
    promote: bool
    wal_keep: str
    parameters: pulumi.Input[str]
    users: Mapping[str, pulumi.Input[str]]
    own_users: Mapping[str, pulumi.Input[str]]
    passwords: pulumi.Input[str]
    databases: Mapping[str, str]
    monitor: str
    slots: pulumi.Input[list[str]] | None
    reserve: bool
    version: int | None
    access: str
    runtime: Runtime


def asks_nothing(args: UpkeepArgs) -> bool:
    """Whether there is nothing to do; a version alone is checked in the pod (version.sh)."""
    wanted = (args.promote, args.users, args.databases, args.monitor, args.slots is not None, args.access)
    return not any(wanted)


def role_rules(server: str) -> list[dict[str, Any]]:
    """Rights of the Job: `exec` in the server's pod. Newer clients ask with GET, older ones with POST."""
    return [
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": [f"{server}-0"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "resourceNames": [f"{server}-0"], "verbs": ["create", "get"]},
    ]


def environment(args: UpkeepArgs) -> dict[str, pulumi.Input[str]]:
    """Variables of the script, none empty: the API server drops an empty one, and every preview would show a change."""
    secrets = {**args.own_users, **args.users}
    found: dict[str, pulumi.Input[str]] = {
        "PROMOTE": "1" if args.promote else "",
        "WAL_KEEP": args.wal_keep if args.promote else "",
        "PARAMETERS": args.parameters if args.promote else "",
        "USERS": " ".join(secrets),
        "OWN": " ".join(args.own_users),
        # A text whose value is known only in the run may be there without users; it is never empty.
        "PASSWORDS": args.passwords if secrets else "",
        "DATABASES": " ".join(f"{name}={owner}" for name, owner in args.databases.items()),
        "MONITOR": args.monitor,
        "VERSION": str(args.version or ""),
        "ACCESS": args.access,
    }
    if args.slots is not None:
        found["SLOTS"] = pulumi.Output.from_input(args.slots).apply(lambda slots: " ".join(slots) or NO_SLOT)
        found["RESERVE"] = str(args.reserve).lower()
    given = {name: value for name, value in found.items() if not isinstance(value, str) or value}
    return {"NAMESPACE": args.namespace, "SERVER": args.server, "SERVER_UID": args.server_uid, **given}


def script_job(args: UpkeepArgs) -> ScriptJobArgs:
    """The Job."""
    return ScriptJobArgs(
        job=JOB_NAME,
        account=JOB_NAME,
        namespace=args.namespace,
        script=SCRIPT,
        environment=environment(args),
        rules=role_rules(args.server),
        has_rights_elsewhere=False,
        secrets={**args.own_users, **args.users},
        runtime=args.runtime,
        repeatable=True,
    )


class PostgresUpkeep(Component):
    """The Job; `done` is known only after it, for a failure ends the run with the script's last line."""

    done: pulumi.Output[str]

    def __init__(self, name: str, args: UpkeepArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:PostgresUpkeep", name, opts)
        self.done = ScriptJob(f"{name}-upkeep", script_job(args), self.child()).job_id
        self.register_outputs({"done": self.done})
