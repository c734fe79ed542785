"""Secrets where anybody may read them: in a spec, a variable, a ConfigMap or an annotation instead of a Secret.

Whatever the state encrypts: in the cluster, only objects of the kind Secret have rights of their own and may be
encrypted at rest. No message holds a value.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from .grants import is_grant
from .resource import Resource, texts
from .rule import ADVISORY, MANDATORY, Rule, Settings

# Groups of Pulumi's own types: their inputs are no object of the cluster, and what they make is judged by itself.
NO_OBJECTS = ("helm.sh", "kustomize", "yaml")
# Made for secrets, or encrypted before it comes here.
MAY_HOLD = (("core", "Secret"), ("core", "SecretPatch"), ("bitnami.com", "SealedSecret"))
# What has one of these forms is a secret, wherever it stands. A `$`, `{` or `%` means that something else fills it in.
FORMS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    # Those of Vault 1.9 and older have a digit, but for one in seventy; `r.getOwnPropertyDescriptor` has none.
    "a token of Vault": re.compile(r"\bhv[sbr]\.[\w-]{20,}|(?<![\w.-])[sbr]\.(?=[A-Za-z]*\d)[A-Za-z0-9]{24}(?![\w.-])"),
    "a token of OpenShift": re.compile(r"\bsha256~[\w-]{40,}"),
    "a key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}"),
    "a token of GitLab": re.compile(r"\bglpat-[\w-]{20,}"),
    # Redis has no user in its URLs.
    "a URL with a password": re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"${}<>]*:[^\s/:@'\"${}<>]+@"),
    # Of libpq, of JDBC and its like, and the variable of psql in a script.
    "a connection string with a password": re.compile(
        r"(?:[?&;]|\b(?:host|user|dbname)=[^\n]{0,200}\s|\bPG)password=['\"]?[^\s&;'\"$%{}()<>,]+", re.IGNORECASE
    ),
    "SQL with a password": re.compile(r"\bPASSWORD\s+'[^'$:{%][^'$]*'", re.IGNORECASE),
}
# Names of what is secret; those of the first kind are often the name of a Secret too, which is none.
OF_SECRETS = re.compile(r"(?:secret|token|credentials?|api[-_.]?key|access[-_.]?key)$", re.IGNORECASE)
OF_PASSWORDS = re.compile(r"(?:passw(?:or)?d|passphrase|pwd|private[-_.]?key)$", re.IGNORECASE)
# A word such as `postgres-application`, and neither a long number in hexadecimal digits nor a UUID.
OBJECT_NAME = re.compile(
    r"(?![0-9a-f]{20,}$|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
)
# An option of a command, with its value behind a `=` or as the next argument. `--no-password` of psql has none.
OPTION = re.compile(r"--?(?!no-)([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
# A path, a reference that something fills in, a number or a switch.
NO_SECRET = re.compile(r"/.*|[$]\w+|.*[$]\(.*|.*[$]\{.*|.*\{\{.*|\d+|true|false", re.DOTALL)
FIX = "put the value into a Secret, by External Secrets for example, and refer to that"


def forms(resource: Resource, settings: Settings) -> Iterator[str]:
    """No text of the object has the form of a secret."""
    if not _is_read_by_many(resource):
        return
    code = resource.at("spec", "code")
    if (is_grant(resource) or resource.is_kubernetes("skupper.io", "AccessToken")) and code:
        yield f"{resource}: spec.code is set, and whoever may read the object can link with it; {_code_fix(resource)}."
    for path, text in texts(resource.properties):
        for what, form in FORMS.items():
            if form.search(text) and not _is_allowed(resource, path, settings):
                yield f"{resource}: {path} holds {what}, which every reader of the object sees; {FIX}."


def names(resource: Resource, settings: Settings) -> Iterator[str]:
    """Nothing whose name says that it is secret has a literal value."""
    if not _is_read_by_many(resource):
        return
    for path, name, text in named(resource.properties):
        named_object = OF_SECRETS.search(name) and not OBJECT_NAME.fullmatch(text)
        if not (named_object or OF_PASSWORDS.search(name)) or not text or NO_SECRET.fullmatch(text):
            continue
        if not _is_allowed(resource, path, settings):
            yield f"{resource}: {path} is a literal value named {name}, and the name says that it is secret; {FIX}."


def named(value: Any, path: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text with its path and the name that it has: its key, a container's variable, or an option of a command."""
    if isinstance(value, Mapping):
        variable = value.get("name") if isinstance(value.get("value"), str) else None
        for key, one in value.items():
            called = variable if key == "value" and isinstance(variable, str) else str(key)
            yield from named(one, f"{path}.{key}" if path else str(key), called)
    elif isinstance(value, list):
        option = ""
        for index, one in enumerate(value):
            found = OPTION.fullmatch(one) if isinstance(one, str) else None
            if found is None:
                yield from named(one, f"{path}[{index}]", option or name)
            elif found[2] is not None:
                yield f"{path}[{index}]", found[1], found[2]
            option = found[1] if found and found[2] is None else ""
    elif isinstance(value, str):
        yield path, name, value


def _is_read_by_many(resource: Resource) -> bool:
    """Whether it is an object of a cluster that is not made for secrets."""
    if not resource.group_version or resource.group_version.partition("/")[0] in NO_OBJECTS:
        return False
    return not any(resource.is_kubernetes(group, kind) for group, kind in MAY_HOLD)


def _is_allowed(resource: Resource, path: str, settings: Settings) -> bool:
    return any(fnmatchcase(f"{resource}: {path}", str(pattern)) for pattern in settings["allowed"])


def _code_fix(resource: Resource) -> str:
    if is_grant(resource):
        return "leave it out, and the controller makes one that only the status has"
    return "make the token in the cluster from a Secret, as this program's claim does"


ALLOWED = {
    "allowed": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "description": "Places that may have it, such as `ConfigMap shop/flags: data.token`; `*` stands for any text.",
    }
}

RULES = (
    Rule(
        name="plain-secrets",
        description="No secret stands outside a Secret.",
        level=MANDATORY,
        reason="Specs, ConfigMaps and annotations are read by many, shown in previews, and kept in audit logs.",
        check=forms,
        settings=ALLOWED,
    ),
    Rule(
        name="secret-names",
        description="What is named as a secret refers to a Secret.",
        level=ADVISORY,
        reason="A password has no form of its own; its name gives it away. Advisory, because a name may mislead.",
        check=names,
        settings=ALLOWED,
    ),
)
