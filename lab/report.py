"""What stands on the lab, read from the clusters themselves, as a table for people and as JSON for scripts.

Shows names, states and times, and how far copies of databases are behind (replication.py). It shows nothing secret.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from rich.markup import escape
from rich.table import Table
from urllib3.exceptions import HTTPError

from lab.environment import Environment
from lab.kube import connect
from lab.replication import GROUPS, Replication, database_namespace
from lab.stacks import Stack

SKUPPER = "skupper.io/v2alpha1"
EXTERNAL_SECRETS = "external-secrets.io/v1"
# Objects of the link and of services that cross it, in the namespace of the Skupper site.
KINDS = (
    (SKUPPER, "Site"),
    (SKUPPER, "AccessGrant"),
    (EXTERNAL_SECRETS, "SecretStore"),
    (EXTERNAL_SECRETS, "ExternalSecret"),
    (SKUPPER, "AccessToken"),
    (SKUPPER, "Link"),
    (SKUPPER, "Connector"),
    (SKUPPER, "Listener"),
    ("apps/v1", "StatefulSet"),
)
# Those of the replicated databases, in a namespace of their own.
DATABASE_KINDS = tuple((group, kind) for group in GROUPS for kind in ("Cluster", "Publication", "Subscription"))


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
            client = connect(stack.context)
            found += _objects(client, stack, KINDS, stack.namespace)
            found += _objects(client, stack, DATABASE_KINDS, database_namespace(stack))
        except (ApiException, HTTPError, OSError) as error:
            found.append(Row(stack.name, "cluster", stack.context, "Error", f"no answer ({type(error).__name__})"))
    return found


def replication_rows(found: Sequence[Replication]) -> list[Row]:
    """Copies of databases as rows."""
    return [
        Row(copy.stack, "Replication", copy.copy, "Ready" if copy.running else "Error", copy.detail) for copy in found
    ]


def _objects(client: DynamicClient, stack: Stack, kinds: Sequence[tuple[str, str]], namespace: str) -> Iterator[Row]:
    for api_version, kind in kinds:
        try:
            listed = client.resources.get(api_version=api_version, kind=kind).get(namespace=namespace)
        except ResourceNotFoundError:
            continue
        for item in listed.to_dict()["items"]:
            status = item.get("status") or {}
            yield Row(stack.name, kind, item["metadata"]["name"], _state(item, status), _detail(kind, item, status))


def _state(item: dict[str, Any], status: dict[str, Any]) -> str:
    if "status" in status:
        return str(status["status"])
    if "applied" in status:
        return "Ready" if status["applied"] else "Error"
    if "replicas" in status:
        return "Ready" if status.get("readyReplicas") == item["spec"]["replicas"] else "Pending"
    ready = [condition for condition in status.get("conditions") or [] if condition["type"] == "Ready"]
    return ("Ready" if ready[0]["status"] == "True" else "Error") if ready else "Pending"


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
