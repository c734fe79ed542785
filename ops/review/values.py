"""Which values of a preview a review shows, and how.

A review goes where many people read it, and the engine hides only what the program has marked as secret. So a text is
shown only where this module knows the field and the text is a plain word of at most LONGEST characters; of every other
one a review says what kind of thing it is and nothing more. A field that is not listed here is not shown: add it to
FIELDS only if no setting, no image and no server can put a secret into it.

Paths and names come through here too (`word`), for a key of a map is a text like any other.
"""

import re
from collections.abc import Mapping
from typing import Any

from ops.review.paths import Path

LONGEST = 100
SECRET = "[secret]"  # noqa: S105 -- what the engine prints instead of one
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that only `up` will know (pulumi:sdk/go/common/resource/plugin/rpc.go)."""

_ENGINE = {SECRET: "(secret)", UNKNOWN: "(known after up)"}

FIELDS = frozenset(
    {
        # What an object is, where it is, and what it runs.
        *("apiVersion", "kind", "name", "namespace", "image", "imageName", "replicas", "instances", "type", "version"),
        *("verbs", "apiGroups", "resources", "resourceNames"),
        *("serviceAccountName", "priorityClassName", "storageClassName", "storageClass", "serviceName", "clusterIP"),
        # How much of it, and when.
        *("size", "storage", "cpu", "memory", "sizeLimit", "schedule", "refreshInterval", "maxUnavailable"),
        # Skupper.
        *("linkAccess", "ha", "redemptionsAllowed", "expirationWindow", "routingKey", "host", "port", "targetPort"),
        *("cost", "linkCost", "role"),
        # Vault.
        *("mount", "path", "backend", "roleName", "audience"),
        # OLM.
        *("channel", "source", "sourceNamespace", "startingCSV", "installPlanApproval"),
        # PostgreSQL.
        *("publicationName", "subscriptionName", "dbname", "whenDeleted", "whenScaled"),
    }
)
MAPS = frozenset({"requests", "limits", "parameters"})
"""Fields whose fields are shown, by whatever name, where they are quantities such as `2Gi`, `200` or `on`."""

VARIABLES = frozenset({"ROTATION", "EXPIRES", "LINKS", "SUPERSEDED", "TIMEOUT_SECONDS", "VERSION"})
"""Variables of containers that are shown: the program's own, which it never fills with a secret."""

ANNOTATIONS = frozenset({"rhsi/restart", "rhsi/version", "rhsi/grant", "rhsi/ha", "pulumi.com/skipAwait"})
NEVER = (
    "kubernetes:core/v1:Secret",
    "vault:kv/",
    "vault:generic/",
    "pulumi:index:Stash",
    "pulumi:pulumi:StackReference",
)
"""Types that are made of secrets: none of their values is shown but what they are and where."""

_IDENTITY = frozenset(
    {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("mount",), ("name",)}
)
# Their keys are anybody's: a field of that name below them is not the field that this module knows.
_FREE = frozenset({"data", "stringData", "binaryData", "annotations", "labels", "options", "matchLabels", *MAPS})
_SECRETIVE = re.compile(
    r"pass|secret|token|credential|private|\bkey\b|apikey|auth|cert|\bpem\b|\bca\b|code|jwt|cookie|session|salt|\bpin\b",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[A-Za-z]{1,60}")
_WORD = re.compile(r"[\w./:@%+=,<>() -]+")
_DIGEST = re.compile(r"@sha256:([0-9a-f]{12})[0-9a-f]{52}\b")
_QUANTITY = re.compile(r"\d+(\.\d+)?[A-Za-z%]{0,3}|on|off")
_ARGUMENT = re.compile(r"-c|(?P<name>[a-z_]+)=(?:\d+(?:\.\d+)?[A-Za-z%]{0,3}|on|off)")
# A run this long without a pause is no word of a person: base64, hexadecimal, a token.
_RUN = re.compile(r"[A-Za-z0-9+=_]{32,}")
_TOKEN = re.compile(r"\beyJ[\w-]{8,}|\b(?:hv[sbr]|s|b|r)\.[A-Za-z0-9]{16,}|\bgh[pousr]_\w+|\bpul-\w+")
_USER = re.compile(r"://[^/\s]*@|\b[\w.-]+:[^/\s:@]+@")


def value(found: Any, path: Path, kind: str) -> str:
    """What a review says of a value at a path in a resource of this type; `path` has the names of list items."""
    if isinstance(found, str) and found not in _ENGINE:
        return word(found) if is_plain(found) and _is_shown(path, kind, found) else _described(found)
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, int | float):
        return f"{found:g}" if _is_shown(path, kind) else "(number)"
    if isinstance(found, Mapping | list):
        return f"({_counted(len(found), 'field' if isinstance(found, Mapping) else 'item')})"
    return _ENGINE.get(found, "(none)")


def is_plain(text: str) -> bool:
    """Whether a text is short, printable, on one line, and looks like nothing that could let somebody in."""
    shortened = _DIGEST.sub("", text)
    return bool(
        len(shortened) <= LONGEST
        and _WORD.fullmatch(shortened)
        and not (_RUN.search(shortened) or _TOKEN.search(shortened) or _USER.search(shortened))
    )


def key(text: str) -> str:
    """A part of a path as it is shown: a field's name, however long, or a plain word."""
    return text if _FIELD.fullmatch(text) else word(text)


def word(text: str) -> str:
    """A name or another plain word as it is shown; `(not shown)` for a text that is none."""
    return (_DIGEST.sub(r"@sha256:\1…", text) if text else "(empty)") if is_plain(text or "-") else "(not shown)"


def _is_shown(path: Path, kind: str, text: str = "") -> bool:
    names = tuple(part for part in path if isinstance(part, str))
    if kind.startswith(NEVER):
        return names in _IDENTITY
    leaf, above = (*reversed(names), "", "")[:2]
    if leaf == "value":
        return above in VARIABLES and "env" in names
    if leaf == "args":
        # Of a server: `-c max_connections=200`.
        argument = _ARGUMENT.fullmatch(text)
        return argument is not None and not _SECRETIVE.search(argument["name"] or "")
    if above == "annotations":
        return leaf in ANNOTATIONS
    return not _SECRETIVE.search(leaf) and _is_known(names, leaf, above, text)


def _is_known(names: tuple[str, ...], leaf: str, above: str, text: str) -> bool:
    if above in MAPS:
        return not text or bool(_QUANTITY.fullmatch(text))
    return leaf in FIELDS and not _FREE & set(names)


def _described(text: str) -> str:
    lines = text.count("\n") + (not text.endswith("\n"))
    if "-----BEGIN " in text:
        return "(PEM, not shown)"
    return f"(text of {lines} lines, not shown)" if lines > 1 else "(text, not shown)"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
