"""The plan: what is imported, and everything else that a person must know or do, from settings and what stands.

Pure. A stack that has some of it already, after a run that failed or an import, gets the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ops.adopt import names, owners
from ops.adopt.catalogue import Adoptable, adoptables
from ops.adopt.found import claimed_sites, namespaces
from ops.adopt.imports import of_import, of_state, problem_of
from ops.adopt.link import of_claim, of_grants
from ops.adopt.notes import Case, Head, Note
from ops.adopt.services import of_databases, of_services
from ops.adopt.site import of_login, of_site
from ops.project import short_name


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


def plan(case: Case) -> Plan:
    """The plan for a stack."""
    known = {one.urn for one in case.state.resources}
    stack = short_name(case.stack)
    standing = [one for one in adoptables(case.settings) if case.found.has(one)]
    wanted = [one for one in standing if one.urn(stack, case.project) not in known]
    theirs = {space: note for space in namespaces(case.settings) if (note := owners.of_namespace(case, space))}
    problems = {
        one: note
        for one in wanted
        if (note := theirs.get(owners.lies_in(one)) or owners.of_thing(case, one) or problem_of(case, one))
    }
    # The way in is made in one piece: without the mount neither policy nor role can be the stack's.
    lost = {one.parents for one in problems if one.setting == "vault.manageAuth"}
    imports = [one for one in wanted if one not in problems and one.parents not in lost]
    folders = [owners.of_folder(case, site) for site in claimed_sites(case.settings)]
    in_the_way = list(dict.fromkeys(filter(None, [of_state(case), *theirs.values(), *problems.values(), *folders])))
    # Where the site's namespace is another stack's, so is what stands in it.
    others = [] if case.namespace in theirs else _notes(case, imports)
    return Plan(
        stack=case.stack,
        primary=case.settings.primary_stack,
        imports=tuple(imports),
        notes=(*in_the_way, *others),
        unseen=case.found.unseen,
        blind=case.found.blind,
    )


def _notes(case: Case, imports: list[Adoptable]) -> Iterator[Note]:
    for one in imports:
        yield from of_import(case, one)
    yield from of_site(case)
    yield from of_login(case)
    yield from _of_accounts(case)
    yield from of_grants(case)
    yield from of_claim(case)
    yield from of_services(case)
    yield from of_databases(case)
    yield from _of_observer(case)
    yield from _of_operators(case)
    yield from _of_tools(case, imports)


def _of_accounts(case: Case) -> Iterator[Note]:
    if case.settings.role != "standby" or case.settings.vault.store is not None:
        return
    account = case.stands("ServiceAccount", names.READER_ACCOUNT)
    binding = case.found.item("ClusterRoleBinding", names.delegator(case.namespace))
    if account:
        yield Note(head=Head.TAKEN_OVER, text=f"{account.place}.")
    if binding and not case.made("ClusterRoleBinding", binding.name):
        yield Note(head=Head.TAKEN_OVER, text=f"{binding.place}.")
    for right in case.found.all("RoleBinding"):
        subjects = right.fields.get("subjects") or []
        if any(one.get("kind") == "ServiceAccount" and one.get("name") == names.READER_ACCOUNT for one in subjects):
            yield Note(
                head=Head.AFTERWARDS,
                text=f"{right.place} gives {names.READER_ACCOUNT} rights that the stack's account does not need.",
                command=case.cli("delete", "rolebinding", right.name),
            )


def _of_observer(case: Case) -> Iterator[Note]:
    enabled = case.settings.network_observer.enabled
    for stands in case.found.all("NetworkObserver"):
        if case.made("NetworkObserver", f"{stands.namespace}/{stands.name}"):
            continue
        if not enabled:
            yield Note(head=Head.LEFT, text=f"{stands.place}: no part of the stack while rhsi:networkObserver is off.")
        elif stands.name != names.OBSERVER:
            yield Note(head=Head.LEFT, text=f"{stands.place}: the stack makes its own beside it, {names.OBSERVER}.")
        elif case.settings.skupper.existing_site:
            yield Note(
                head=Head.IN_THE_WAY,
                text=f"{stands.place}: beside somebody else's Site the stack takes none over.",
                command=case.set("networkObserver.enabled", "false"),
            )
        else:
            yield Note(head=Head.TAKEN_OVER, text=f"{stands.place}: with the stack's Route and login.")


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
