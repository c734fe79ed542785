"""What is imported: why a thing that stands cannot be, and what changes with it.

Whose a thing is, is owners.py's. Pure.
"""

import shlex
from collections.abc import Iterator

from ops.adopt import names
from ops.adopt.catalogue import IMPORTED, POLICY, ROLES, Adoptable, adoptables
from ops.adopt.found import namespaces
from ops.adopt.notes import Case, Head, Note
from ops.project import short_name

# What a mount may have that the program does not set, and that Vault changes on no mount: Pulumi would make it anew.
_FIXED = ("local", "seal_wrap", "external_entropy_access")


def of_import(case: Case, one: Adoptable) -> Iterator[Note]:
    """What a person must know before a thing becomes the stack's."""
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
        protected = ", once rhsi:protect is false" if _is_protected(case, one) else ""
        yield Note(
            head=Head.DECIDE,
            text=f"{one.what} is imported, because rhsi:{one.setting} is true: `pulumi destroy` will delete it{lost}"
            f"{protected}. Set it to false, and the stack uses what stands and never deletes it.",
            command=case.set(one.setting, "false"),
        )
    if one.type == POLICY:
        yield Note(
            head=Head.DECIDE,
            text=f"{one.what} is imported, and its rules become the stack's. Nothing in Vault tells who made it: see "
            f"that no other stack is the standby {case.settings.site} of the mount {case.settings.vault.mount}.",
        )
    if one.type in ROLES.values():
        yield from _of_role(case, one)


def of_state(case: Case) -> Note | None:
    """What an import took in before the settings left it to others; nothing of a stack that was up ever.

    After the first `up` the program itself refuses such a change.
    """
    resources = [one for one in case.state.resources if not one.type.startswith("pulumi:")]
    if case.state.owner or any(one.type not in IMPORTED for one in resources):
        return None
    stack = short_name(case.stack)
    wanted = {one.urn(stack, case.project) for one in adoptables(case.settings)}
    lost = [f"{one.type.rpartition(':')[2]} {one.id}" for one in resources if one.urn not in wanted]
    if not lost:
        return None
    return Note(
        head=Head.IN_THE_WAY,
        text=f"{', '.join(lost)}: imported, and the settings do not want it any more. `pulumi up` would delete it. "
        "Make the state forget the import; everything stays.",
        command=shlex.join(["pulumi", "state", "delete", "--all", "--force", "--yes", "-s", case.stack]),
    )


def _is_protected(case: Case, one: Adoptable) -> bool:
    settings = case.settings
    if one.setting == "cluster.createNamespace":
        return settings.protects_namespace
    return settings.protect and one.setting != "vault.manageAuth"


def _of_role(case: Case, one: Adoptable) -> Iterator[Note]:
    """Whom a role lets in now, where the stack would let somebody else in."""
    role = case.found.vault.get(one.place) or {}
    accounts, spaces = (_listed(role.get(f"bound_service_account_{name}")) for name in ("names", "namespaces"))
    # The kubernetes method's; the other one names an account by its subject, which the stack would write anew too.
    if not accounts or (set(accounts) == {names.READER_ACCOUNT} and set(spaces) <= set(namespaces(case.settings))):
        return
    yield Note(
        head=Head.DECIDE,
        text=f"{one.what} lets {', '.join(accounts)} of the namespace {', '.join(spaces)} in. Afterwards it lets "
        f"{names.READER_ACCOUNT} of {', '.join(namespaces(case.settings))} in, and nobody else.",
    )


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def problem_of(case: Case, one: Adoptable) -> Note | None:
    """Why the thing that stands cannot become the stack's."""
    stands = case.found.vault.get(one.place)
    if stands is None or one.setting not in ("vault.manageMount", "vault.manageAuth"):
        return None
    engine, version = stands.get("type"), str((stands.get("options") or {}).get("version") or "1")
    if one.setting == "vault.manageMount" and engine in ("kv", "generic") and version != "2":
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} is of KV version {version}, and the program needs version 2.",
            command=case.vault("kv enable-versioning", one.id),
        )
    config = case.found.vault.get(f"{one.id}/config") or {}
    if one.setting == "vault.manageMount" and config.get("cas_required"):
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} demands check-and-set for every write (cas_required), and the program's rotations have "
            "none.",
            command=case.vault("write", f"{one.id}/config", "cas_required=false"),
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
