"""Connectors and Listeners: those of `rhsi:services`, and those that stay as they are.

The stack's have routing keys of their own, `<prefix>/<name>`. Two sites change them with two `pulumi up`, the primary
first, and between the two nobody listens where the other one connects: a copy of the Connector bridges that.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.settings import Settings
from ops.adopt import names, owners
from ops.adopt.notes import Case, Head, Note
from ops.adopt.objects import Item

COPY_SUFFIX = "-by-hand"
_POSTGRES_PORT = 5432


@dataclass(frozen=True)
class _Declared:
    """A Connector or Listener of the stack's own.

    Attributes:
        target: of a Connector, those fields of its spec that say where it leads; None where they lead to a server of
            the stack's own.
        port: of a Listener.
    """

    target: Mapping[str, object] | None = None
    port: int = 0


def of_services(case: Case) -> Iterator[Note]:
    """The stack's services, and everybody else's; not those that are the stack's already."""
    declared = _declared(case.settings)
    for kind in ("Connector", "Listener"):
        for stands in case.found.all(kind):
            if case.made(kind, f"{stands.namespace}/{stands.name}"):
                continue
            wanted = declared.get((kind, stands.name))
            if wanted is None:
                yield Note(head=Head.LEFT, text=_left(stands))
            elif case.settings.skupper.existing_site:
                yield from _beside_others(case, stands, wanted)
            elif kind == "Connector" and wanted.target is None:
                yield Note(
                    head=Head.FIRST,
                    text=f"{stands.place} leads to a server made by hand, the stack's of that name to its own. Delete "
                    "it; connections through it end.",
                    command=case.cli("delete", "connector.skupper.io", stands.name),
                )
            else:
                yield from _of_declared(case, stands, wanted)


def _beside_others(case: Case, stands: Item, wanted: _Declared) -> Iterator[Note]:
    """Those of `rhsi:services` are imported; the databases' are made with their servers, and `up` takes none over."""
    if stands.name in (*case.settings.services.exports, *case.settings.services.imports):
        # Another stack's is in the way (owners.py).
        if not owners.is_anothers(case, stands):
            yield from _of_declared(case, stands, wanted, imported=True)
    else:
        made = f", which the stack {stands.owner} made" if stands.owner else ""
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{stands.place}{made}: it has the name of one that the stack makes for its databases. If it led to a "
            "database made by hand, remove it with that one.",
        )


def _declared(settings: Settings) -> dict[tuple[str, str], _Declared]:
    """By kind and name."""
    found = {}
    for name, one in settings.services.exports.items():
        target = {"host": one.host or None, "selector": one.selector or None, "port": one.port}
        found["Connector", name] = _Declared(target=target)
    for name, listener in settings.services.imports.items():
        found["Listener", name] = _Declared(port=listener.port)
    if settings.postgres.enabled:
        kind = "Connector" if settings.role == "primary" else "Listener"
        found[kind, names.POSTGRES[0]] = _Declared(port=_POSTGRES_PORT)
    if settings.edb.enabled:
        found["Connector", names.routing_key(settings.site)] = _Declared()
        found["Listener", names.routing_key(settings.edb_peer)] = _Declared(port=_POSTGRES_PORT)
    return found


def _left(stands: Item) -> str:
    if stands.name.endswith(COPY_SUFFIX):
        return f"{stands.place}: a copy that bridged the change of a routing key."
    return f"{stands.place}: its traffic goes on, for services use every link that is up."


def _of_declared(case: Case, stands: Item, wanted: _Declared, *, imported: bool = False) -> Iterator[Note]:
    if stands.kind == "Listener":
        yield from _of_host(stands, wanted.port)
    elif wanted.target and not imported:
        # The update of an imported one removes what kubectl has set.
        yield from _of_target(case, stands, wanted.target)
    primary = case.settings.role == "primary"
    prefix = case.settings.routing_prefix if primary else case.peer.routing_prefix
    key = f"{prefix}/{stands.name}" if prefix else ""
    found = str(stands.spec.get("routingKey") or "")
    if found == key:
        if not imported:
            yield Note(head=Head.TAKEN_OVER, text=f"{stands.place}: it keeps its routing key.")
        return
    wanted_key = key or f"<routing prefix of the primary>/{stands.name}"
    yield Note(
        head=Head.DECIDE if imported else Head.TAKEN_OVER,
        text=f"{stands.place}: its routing key {found} becomes {wanted_key}; connections through it end then, once.",
    )
    if stands.kind == "Connector" and key:
        yield from _bridge(case, stands, found if primary else key)


def _of_target(case: Case, connector: Item, target: Mapping[str, object]) -> Iterator[Note]:
    """`up` would leave the other one of host and selector beside its own, and the host is the one that counts then.

    Source: skupper:internal/kube/site/extended_bindings.go.
    """
    own, other = ("selector", "host") if target["selector"] else ("host", "selector")
    if connector.spec.get(other):
        patch = json.dumps({"spec": target})
        yield Note(
            head=Head.FIRST,
            text=f"{connector.place} has a {other}, and the stack sets a {own}: Skupper must not have both. Lead it to "
            "the stack's target; new connections go there from then on.",
            command=case.cli("patch", "connector.skupper.io", connector.name, "--type=merge", "-p", patch),
        )


def _of_host(listener: Item, port: int) -> Iterator[Note]:
    found = (str(listener.spec.get("host") or ""), listener.spec.get("port"))
    if found != (listener.name, port):
        yield Note(
            head=Head.DECIDE,
            text=f"{listener.place} makes the Service {found[0]}:{found[1]}, and the stack makes "
            f"{listener.name}:{port} in its place: clients must use that from then on, or another Listener must keep "
            "the old one.",
        )


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
