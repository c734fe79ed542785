"""The plan: what is imported, and everything else that a person must know or do, from settings and what stands.

Pure. A stack that has some of it already, after a run that failed or an import, gets the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ops.adopt import names
from ops.adopt.catalogue import Adoptable, adoptables
from ops.adopt.link import of_claim, of_grants
from ops.adopt.notes import Case, Head, Note
from ops.adopt.services import of_databases, of_services
from ops.adopt.site import of_login, of_site

# What a mount may have that the program does not set, and that Vault changes on no mount: Pulumi would make it anew.
_FIXED = ("local", "seal_wrap", "external_entropy_access")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What becomes of what stands.

    Attributes:
        stack: name of the stack.
        primary: of a standby the primary's stack, which comes up first; empty for a primary.
        imports: what `pulumi import` takes into the state.
        notes: everything else.
        unseen: what this login may not look at, a sentence each.
        blind: whether a plan without that may be wrong.
    """

    stack: str
    primary: str
    imports: tuple[Adoptable, ...]
    notes: tuple[Note, ...]
    unseen: tuple[str, ...]
    blind: bool

    def below(self, head: Head) -> list[Note]:
        """The notes below a head."""
        return [note for note in self.notes if note.head is head]

    @property
    def blocked(self) -> bool:
        """Whether something has to be settled, or looked at, before the import."""
        return self.blind or bool(self.below(Head.IN_THE_WAY))


def plan(case: Case, *, project: str) -> Plan:
    """The plan for a stack.

    Args:
        case: what is known of it.
        project: name of the project, which is in every URN.
    """
    known = {one.urn for one in case.state.resources}
    standing = [one for one in adoptables(case.settings) if case.found.has(one)]
    imports = [one for one in standing if one.urn(case.stack, project) not in known]
    return Plan(
        stack=case.stack,
        primary=case.settings.primary_stack,
        imports=tuple(imports),
        notes=tuple(_notes(case, imports)),
        unseen=case.found.unseen,
        blind=case.found.blind,
    )


def _notes(case: Case, imports: list[Adoptable]) -> Iterator[Note]:
    yield from _of_owner(case)
    for one in imports:
        yield from _of_import(case, one)
    yield from of_site(case)
    yield from of_login(case)
    yield from _of_accounts(case)
    yield from of_grants(case)
    yield from of_claim(case)
    yield from of_services(case)
    yield from of_databases(case)
    yield from _of_operators(case)
    yield from _of_tools(case, imports)


def _of_owner(case: Case) -> Iterator[Note]:
    """Another stack of this program may have the namespace; the number tells it from one of the same name."""
    claim = case.found.item("ConfigMap", names.OWNER_CONFIG_MAP, case.namespace)
    data = claim.fields.get("data") or {} if claim else {}
    if claim is None or (case.state.owner and data.get("id") == case.state.owner):
        return
    yield Note(
        head=Head.IN_THE_WAY,
        text=f"{claim.place} says that the namespace belongs to the stack {data.get('stack') or 'of unknown name'}: "
        "give this one another rhsi:cluster.namespace, or see 'A namespace that changed hands' in "
        "docs/troubleshooting/settings.md.",
    )


def _of_import(case: Case, one: Adoptable) -> Iterator[Note]:
    if problem := _problem(case, one):
        yield problem
        return
    stands = case.found.items.get(one.place)
    if stands and stands.marks:
        command = case.set(one.setting, "false") if one.setting else ""
        yield Note(
            head=Head.DECIDE,
            text=f"{one.what} has {', '.join(stands.marks)}, set with kubectl. The first change that Pulumi makes to "
            "it removes what kubectl has set and the stack does not.",
            command=command,
        )
    if one.setting:
        inside = {"Namespace": " with everything in it", "Mount": " with every secret in it"}
        lost = inside.get(one.type.rpartition(":")[2], " with every role in it")
        yield Note(
            head=Head.DECIDE,
            text=f"{one.what} is imported, because rhsi:{one.setting} is true: `pulumi destroy` will delete it{lost}, "
            "unless it is protected. Set it to false, and the stack uses what stands and never deletes it.",
            command=case.set(one.setting, "false"),
        )


def _problem(case: Case, one: Adoptable) -> Note | None:
    """Why the thing that stands cannot become the stack's."""
    stands = case.found.vault.get(one.place)
    if stands is None or one.setting not in ("vault.manageMount", "vault.manageAuth"):
        return None
    engine, version = stands.get("type"), str((stands.get("options") or {}).get("version") or "1")
    if one.setting == "vault.manageMount" and engine in ("kv", "generic") and version != "2":
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} is of KV version {version}, and the program needs version 2.",
            command=f"vault kv enable-versioning {one.id}",
        )
    wanted = "kv" if one.setting == "vault.manageMount" else case.settings.vault.login
    if engine != wanted:
        other = "vault.mount" if wanted == "kv" else "vault.authPath"
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} is of the type {engine}, and the program needs {wanted}: give rhsi:{other} another.",
        )
    if fixed := [name for name in _FIXED if stands.get(name)]:
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} has {' and '.join(fixed)}. The program does not set that, so Pulumi would delete the "
            "mount and make another one: leave it to whoever keeps it.",
            command=case.set(one.setting, "false"),
        )
    return None


def _of_accounts(case: Case) -> Iterator[Note]:
    if case.settings.role != "standby" or case.settings.vault.store is not None:
        return
    account = case.stands("ServiceAccount", names.READER_ACCOUNT)
    binding = case.found.item("ClusterRoleBinding", names.delegator(case.namespace))
    if account:
        yield Note(head=Head.TAKEN_OVER, text=f"{account.place}.")
    if binding and not case.made("ClusterRoleBinding", binding.name):
        yield Note(head=Head.TAKEN_OVER, text=f"{binding.place}.")


def _of_tools(case: Case, imports: list[Adoptable]) -> Iterator[Note]:
    """Whoever writes his own manifest back would fight with the stack."""
    services = {*case.settings.services.exports, *case.settings.services.imports}
    used = {case.settings.site_name, names.STORE, names.LINK_SECRET, names.READER_ACCOUNT, names.CLAIM_JOB, *services}
    places = {one.place for one in imports}
    kept: dict[str, list[str]] = {}
    for stands in case.found.items.values():
        relevant = stands.name in used or stands.place in places or stands.kind in ("AccessGrant", "Link")
        if stands.tool and relevant and not case.made(stands.kind, f"{stands.namespace}/{stands.name}"):
            kept.setdefault(stands.tool, []).append(stands.place)
    for tool, which in kept.items():
        yield Note(
            head=Head.FIRST,
            text=f"{tool} keeps {', '.join(sorted(which))}: take that out of it without deleting it (no prune), or it "
            "writes back what the stack changes and makes again what is removed.",
        )


def _of_operators(case: Case) -> Iterator[Note]:
    if case.made("ConfigMap", f"{case.namespace}/{names.OWNER_CONFIG_MAP}"):
        return
    parts = ("skupper", "networkObserver", "externalSecrets", "database")
    if wanted := [f"rhsi:operators.{part}" for part in parts if case.settings.operators.part(part).enabled]:
        yield Note(
            head=Head.DECIDE,
            text=f"Operators that run are not looked at here, and {', '.join(wanted)} would install some: leave it off "
            "for those that run already.",
        )
