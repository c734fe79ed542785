"""Whose a thing is that stands: what another stack of this program made is never imported, nor named in a command.

A namespace says so by its ConfigMap, a site's folder in Vault by a secret, each with a number that only one stack has.
An object beside somebody else's Site has an annotation with the stack's name. A mount has no more than a description:
even a stack's own, left by a killed run, has to lose it before it is imported. A policy and a role say nothing.
"""

from collections.abc import Mapping
from typing import Any

from components.owner import OWNER_ANNOTATION
from ops.adopt import names
from ops.adopt.catalogue import Adoptable
from ops.adopt.found import claim_path, claimed_sites
from ops.adopt.notes import Case, Head, Note
from ops.adopt.objects import Item
from ops.project import short_name

# How the description of each mount of this program ends (components/vault/).
_DESCRIBED = "(rhsi)"
_ANOTHER_PLACE = "Give this environment another rhsi:vault.mount, or a rhsi:vault.prefix of its own, in all its stacks"


def of_namespace(case: Case, namespace: str) -> Note | None:
    """Which other stack a namespace belongs to."""
    claim = case.found.item("ConfigMap", names.OWNER_CONFIG_MAP, namespace)
    data = claim.fields.get("data") or {} if claim else {}
    if claim is None or _is_own(case, data):
        return None
    key = "cluster" if namespace == case.namespace else "edb"
    return Note(
        head=Head.IN_THE_WAY,
        text=f"{claim.place} says that the namespace belongs to the stack {data.get('stack') or 'of unknown name'}: "
        f"give this one another rhsi:{key}.namespace, or see 'A namespace that changed hands' in "
        "docs/troubleshooting/settings.md.",
    )


def of_folder(case: Case, site: str) -> Note | None:
    """Which other stack a site's folder in Vault belongs to."""
    claim = _claim(case, site)
    if not claim or _is_own(case, claim):
        return None
    where = claim_path(case.settings, site).replace("/data/", "/", 1)
    return Note(
        head=Head.IN_THE_WAY,
        text=f"{where} in Vault says that what is there of {site} belongs to the stack "
        f"{claim.get('stack') or 'of unknown name'}. {_ANOTHER_PLACE}, or see 'Take the place of a stack that is gone' "
        "in docs/troubleshooting/settings.md.",
    )


def of_thing(case: Case, one: Adoptable) -> Note | None:
    """Why a thing cannot be imported: another stack made it, or may have."""
    stands = case.found.items.get(one.place)
    if stands and is_anothers(case, stands):
        return Note(
            head=Head.IN_THE_WAY,
            text=f"{one.what} was made by the stack {stands.owner}, as its annotation rhsi/owner says: give this "
            "stack's another name. Only if that stack is gone: take the annotation off.",
            command=case.cli("annotate", stands.kind.lower(), stands.name, f"{OWNER_ANNOTATION}-"),
        )
    mount = case.found.vault.get(one.place) or {}
    described = str(mount.get("description") or "").endswith(_DESCRIBED)
    if one.setting == "vault.manageMount":
        if theirs := next(filter(None, (of_folder(case, site) for site in claimed_sites(case.settings))), None):
            return theirs
        own = any((claim := _claim(case, site)) and _is_own(case, claim) for site in claimed_sites(case.settings))
        return _of_mount(case, one, "secrets", _ANOTHER_PLACE) if described and not own else None
    if not described:
        return None
    return _of_mount(case, one, "auth", "Give this site another name, or its cluster another rhsi:vault.authPath")


def is_anothers(case: Case, stands: Item) -> bool:
    """Whether an annotation names another stack; an organization that was not typed is not compared."""
    own = case.stack.split("/")
    if len(own) == 2:
        own.insert(1, case.project)
    named = stands.owner.split("/")
    return stands.owner != "" and (named[-len(own) :] != own or named[-2:] != [case.project, short_name(case.stack)])


def _of_mount(case: Case, one: Adoptable, command: str, way: str) -> Note:
    return Note(
        head=Head.IN_THE_WAY,
        text=f"{one.what} was made by a stack of this program, and this one's state does not know it. {way}. Only "
        "if it is this stack's own, left by a killed run, or no stack has it any more: take the mark off.",
        command=case.vault(f"{command} tune", "-description=", one.id, login=command == "auth"),
    )


def _claim(case: Case, site: str) -> Mapping[str, Any]:
    document = case.found.vault.get(claim_path(case.settings, site)) or {}
    return document.get("data") or {}


def _is_own(case: Case, claim: Mapping[str, Any]) -> bool:
    return bool(case.state.owner) and claim.get("id") == case.state.owner


def lies_in(one: Adoptable) -> str:
    """The namespace that a thing is or lies in; empty for one in Vault."""
    return one.id.partition("/")[0] if one.type.startswith("kubernetes:") else ""
