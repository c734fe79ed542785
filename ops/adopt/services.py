"""Connectors and Listeners: those of `rhsi:services`, and those that stay as they are.

The stack's have routing keys of their own, `<prefix>/<name>`. Two sites change them with two `pulumi up`, the primary
first, and between the two nobody listens where the other one connects: a copy of the Connector bridges that.
"""

import json
import shlex
from collections.abc import Iterator

from ops.adopt import names
from ops.adopt.notes import Case, Head, Note
from ops.adopt.objects import Item

COPY_SUFFIX = "-by-hand"


def of_services(case: Case) -> Iterator[Note]:
    """The services of the settings, and everybody else's; not those that are the stack's already."""
    settings = case.settings
    declared = {"Connector": set(settings.services.exports), "Listener": set(settings.services.imports)}
    for kind, services in declared.items():
        for stands in case.found.all(kind):
            if case.made(kind, f"{stands.namespace}/{stands.name}"):
                continue
            if stands.name not in services:
                yield Note(head=Head.LEFT, text=_left(stands))
            elif not settings.skupper.existing_site:
                yield from _of_declared(case, stands)


def _left(stands: Item) -> str:
    if stands.name.endswith(COPY_SUFFIX):
        return f"{stands.place}: a copy that bridged the change of a routing key."
    return f"{stands.place}: its traffic goes on, for services use every link that is up."


def _of_declared(case: Case, stands: Item) -> Iterator[Note]:
    primary = case.settings.role == "primary"
    prefix = case.settings.routing_prefix if primary else case.peer.routing_prefix
    key = f"{prefix}/{stands.name}" if prefix else ""
    found = str(stands.spec.get("routingKey") or "")
    if found == key:
        yield Note(head=Head.TAKEN_OVER, text=f"{stands.place}: it keeps its routing key.")
        return
    wanted = key or f"<routing prefix of the primary>/{stands.name}"
    yield Note(
        head=Head.TAKEN_OVER,
        text=f"{stands.place}: its routing key {found} becomes {wanted}; connections through it end then, once.",
    )
    if stands.kind == "Connector" and key:
        yield from _bridge(case, stands, found if primary else key)


def _bridge(case: Case, connector: Item, key: str) -> Iterator[Note]:
    """The other site listens at the old key until its own `up`, or, where that came first, at the new one already."""
    copy = {
        "apiVersion": "skupper.io/v2alpha1",
        "kind": "Connector",
        "metadata": {"name": f"{connector.name}{COPY_SUFFIX}", "namespace": connector.namespace},
        "spec": {**connector.spec, "routingKey": key},
    }
    when = (
        "and the other sites follow with their own `pulumi up`. A copy serves whoever listens at the old until then."
        if case.settings.role == "primary"
        else "and the primary listens there already after its own. Make a copy for it before the primary's `pulumi up`."
    )
    yield Note(
        head=Head.FIRST,
        text=f"{connector.place} gets another routing key with this `pulumi up`, {when}",
        # Not echo: some shells' reads escapes.
        command=f"printf %s {shlex.quote(json.dumps(copy))} | {case.cli('apply', '-f', '-')}",
    )
    yield Note(
        head=Head.AFTERWARDS,
        text=f"The copy {connector.name}{COPY_SUFFIX}, once all sites are up.",
        command=case.cli("delete", "connector.skupper.io", f"{connector.name}{COPY_SUFFIX}"),
    )


def of_databases(case: Case) -> Iterator[Note]:
    """The databases of the manual procedure: their data moves by a dump or by replication, not by adoption."""
    settings = case.settings
    name = names.POSTGRES[0 if settings.role == "primary" else 1]
    server = [one.place for kind in ("Deployment", "Service") if (one := case.stands(kind, name))]
    if server and settings.postgres.enabled:
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{' and '.join(server)}: the stack's database has these names and a volume of its own, without the "
            "data. Leave rhsi:postgres off, or dump the data, remove the server, and restore the dump afterwards.",
            command=case.set("postgres.enabled", "false"),
        )
    elif server:
        yield Note(head=Head.LEFT, text=f"{' and '.join(server)}: no part of the stack while rhsi:postgres is off.")
    if not settings.edb.enabled:
        return
    if cluster := case.stands("Cluster", names.database(settings.site), settings.edb.namespace):
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{cluster.place}: the stack's has other users, passwords, parameters and tables. Applied over this "
            "one it would restart the instances, change the superuser's password, and replicate a database that the "
            "data is not in. Leave rhsi:edb off, or give the stack's clusters another namespace on both sites and move "
            "the data.",
            command=case.set("edb.namespace", f"{settings.edb.namespace}-replicated"),
        )
