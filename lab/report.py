"""What stands on the lab, read from the clusters themselves, as a table for people and as JSON for scripts.

Shows names, states and times. It asks for no Secret and shows nothing of a grant's credentials.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from rich.table import Table
from urllib3.exceptions import HTTPError

from lab.environment import Environment
from lab.kube import connect
from lab.stacks import Stack

SKUPPER = "skupper.io/v2alpha1"
EXTERNAL_SECRETS = "external-secrets.io/v1"
KINDS = (
    (SKUPPER, "Site"),
    (SKUPPER, "AccessGrant"),
    (EXTERNAL_SECRETS, "SecretStore"),
    (EXTERNAL_SECRETS, "ExternalSecret"),
    (SKUPPER, "AccessToken"),
    (SKUPPER, "Link"),
)


@dataclass(frozen=True)
class Row:
    """One object: its stack, kind and name, its state in one word, and what else a person wants to know of it."""

    stack: str
    kind: str
    name: str
    status: str
    detail: str


def rows(environment: Environment, stacks: Sequence[Stack]) -> list[Row]:
    """Every object of the link, stack by stack; an API server that does not answer is a row too."""
    found: list[Row] = []
    for stack in stacks:
        if stack.context not in environment.contexts:
            continue
        try:
            found += _objects(connect(stack.context), stack)
        except (ApiException, HTTPError, OSError) as error:
            found.append(Row(stack.name, "cluster", stack.context, "Error", f"no answer ({type(error).__name__})"))
    return found


def _objects(client: DynamicClient, stack: Stack) -> Iterator[Row]:
    for api_version, kind in KINDS:
        try:
            listed = client.resources.get(api_version=api_version, kind=kind).get(namespace=stack.namespace)
        except ResourceNotFoundError:
            continue
        for item in listed.to_dict()["items"]:
            status = item.get("status") or {}
            yield Row(stack.name, kind, item["metadata"]["name"], _state(status), _detail(kind, item, status))


def _state(status: dict[str, Any]) -> str:
    if "status" in status:
        return str(status["status"])
    ready = [condition for condition in status.get("conditions") or [] if condition["type"] == "Ready"]
    return ("Ready" if ready[0]["status"] == "True" else "Error") if ready else "Pending"


def _detail(kind: str, item: dict[str, Any], status: dict[str, Any]) -> str:
    match kind:
        case "Site":
            return f"{status.get('sitesInNetwork', 0)} sites in the network"
        case "AccessGrant":
            allowed = item["spec"].get("redemptionsAllowed", 0)
            return f"redeemed {status.get('redemptions', 0)} of {allowed}, expires {status.get('expirationTime', '')}"
        case "Link":
            return f"to {status.get('remoteSiteName') or 'nowhere yet'}: {status.get('message', '')}"
        case "AccessToken":
            return "redeemed" if status.get("redeemed") else str(status.get("message", ""))
        case _:
            return ""


def table(found: Sequence[Row]) -> Table:
    """The rows as a table."""
    result = Table(title="What stands")
    for heading in ("Stack", "Kind", "Name", "Status", "Detail"):
        result.add_column(heading, overflow="fold")
    for row in found:
        colour = {"Ready": "green", "Error": "red"}.get(row.status, "yellow")
        result.add_row(row.stack, row.kind, row.name, f"[{colour}]{row.status}[/]", row.detail)
    return result


def document(environment: Environment | None, found: Sequence[Row]) -> dict[str, Any]:
    """The same as JSON: `running`, `processes`, `memory_bytes`, `objects`, `links_ready` (at least one, and all)."""
    if environment is None:
        return {"running": False, "processes": [], "memory_bytes": 0, "objects": [], "links_ready": False}
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
    }
