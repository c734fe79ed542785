"""What stands on the lab, read from the clusters themselves, as a table for people and as JSON for scripts.

Shows names, states and times, and how far copies of databases are behind (replication.py). It shows nothing secret.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.dynamic.exceptions import NotFoundError
from rich.markup import escape
from rich.table import Table

from lab.environment import Environment
from lab.kube import connect
from lab.replication import Replication, database_namespace
from lab.stacks import Stack
from lab.stand_ins.cnpg.kinds import GROUPS
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import UNREACHABLE, Api, Kind
from lab.stand_ins.controller.kinds import EXTERNAL_SECRET, SECRET_STORE, STATEFUL_SET
from lab.stand_ins.skupper.api import CONNECTOR, GRANT, LINK, LISTENER, SITE, TOKEN

# Objects of the link and of services that cross it, in the namespace of the Skupper site.
KINDS = (SITE, GRANT, SECRET_STORE, EXTERNAL_SECRET, TOKEN, LINK, CONNECTOR, LISTENER, STATEFUL_SET)
# Those of the replicated databases, in a namespace of their own.
DATABASE_KINDS = tuple(kind for group in GROUPS for kind in (group.cluster, group.publication, group.subscription))


@dataclass(frozen=True)
class Row:
    """One object: its stack, kind and name, its state in one word, and what else a person wants to know of it."""

    stack: str
    kind: str
    name: str
    status: str
    detail: str


def rows(environment: Environment, stacks: Sequence[Stack]) -> list[Row]:
    """Every object of link and databases, stack by stack; an API server that does not answer is a row too."""
    found: list[Row] = []
    for stack in stacks:
        if stack.context not in environment.contexts:
            continue
        try:
            api = Api(connect(stack.context, discover=False), "lab")
            found += _objects(api, stack, KINDS, stack.namespace)
            found += _objects(api, stack, DATABASE_KINDS, database_namespace(stack))
        except UNREACHABLE as error:
            found.append(Row(stack.name, "cluster", stack.context, "Error", f"no answer ({type(error).__name__})"))
    return found


def replication_rows(found: Sequence[Replication]) -> list[Row]:
    """Copies of databases as rows."""
    return [
        Row(copy.stack, "Replication", copy.copy, "Ready" if copy.running else "Error", copy.detail) for copy in found
    ]


def _objects(api: Api, stack: Stack, kinds: Sequence[Kind], namespace: str) -> Iterator[Row]:
    for kind in kinds:
        # The cluster may not have the kind.
        with suppress(NotFoundError):
            for item in api.list(kind, namespace):
                status = item.get("status") or {}
                detail = _detail(kind.name, item, status)
                yield Row(stack.name, kind.name, item["metadata"]["name"], _state(item, status), detail)


def _state(item: dict[str, Any], status: dict[str, Any]) -> str:
    if "status" in status:
        return str(status["status"])
    if "applied" in status:
        return "Ready" if status["applied"] else "Error"
    if "replicas" in status:
        return "Ready" if status.get("readyReplicas") == item["spec"]["replicas"] else "Pending"
    if not conditions.find(status, "Ready"):
        return "Pending"
    return "Ready" if conditions.is_true(status, "Ready") else "Error"


def _detail(kind: str, item: dict[str, Any], status: dict[str, Any]) -> str:
    spec, detail = item["spec"], ""
    match kind:
        case "Site":
            detail = f"{status.get('sitesInNetwork', 0)} sites in the network"
        case "AccessGrant":
            redeemed = f"redeemed {status.get('redemptions', 0)} of {spec.get('redemptionsAllowed', 0)}"
            detail = f"{redeemed}, expires {status.get('expirationTime', '')}"
        case "Link":
            detail = f"to {status.get('remoteSiteName') or 'nowhere yet'}: {status.get('message', '')}"
        case "AccessToken":
            detail = "redeemed" if status.get("redeemed") else str(status.get("message", ""))
        case "Connector" | "Listener" | "Publication" | "Subscription":
            detail = str(status.get("message") or "")
        case "Cluster":
            detail = str(status.get("phase") or "")
        case "StatefulSet":
            detail = f"{status.get('readyReplicas') or 0} of {spec['replicas']} ready"
    return detail


def table(found: Sequence[Row]) -> Table:
    """The rows as a table."""
    result = Table(title="What stands")
    for heading in ("Stack", "Kind", "Name", "Status"):
        result.add_column(heading, no_wrap=True)
    result.add_column("Detail", overflow="fold")
    for row in found:
        colour = {"Ready": "green", "Error": "red"}.get(row.status, "yellow")
        result.add_row(row.stack, row.kind, row.name, f"[{colour}]{row.status}[/]", escape(row.detail))
    return result


def document(
    environment: Environment | None, found: Sequence[Row], copies: Sequence[Replication] = ()
) -> dict[str, Any]:
    """The same as JSON.

    Keys: `running`, `processes`, `memory_bytes`, `objects`, `links_ready` (at least one, and all), `replication`.
    """
    if environment is None:
        nothing: dict[str, Any] = {"processes": [], "objects": [], "replication": []}
        return {"running": False, "memory_bytes": 0, "links_ready": False, **nothing}
    processes = [
        {
            "name": process.name,
            "pid": process.pid,
            "alive": process.alive,
            "ports": process.ports,
            "log": str(process.log),
        }
        for process in environment.processes()
    ]
    links = [row.status for row in found if row.kind == "Link"]
    return {
        "running": all(process["alive"] for process in processes),
        "processes": processes,
        "memory_bytes": environment.memory(),
        "objects": [asdict(row) for row in found],
        "links_ready": bool(links) and all(status == "Ready" for status in links),
        "replication": [asdict(copy) for copy in copies],
    }
