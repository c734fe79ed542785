"""What `pulumi` says in words, made fit for a comment: no secret, no traceback, not too long.

Owns what is cut out of a message. The program's own errors and warnings are sentences without secrets; those of
providers and servers may quote what they were sent.
"""

import re

from ops.review.preview import WARNING, Preview

LONGEST = 700
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_USER = re.compile(r"(?<=://)[^/\s]*@")
# The two whose length says nothing, then whatever is longer than a word of a person.
_TOKEN = re.compile(r"\beyJ[\w.-]+|\b(?:hv[sbr]|s|b|r)\.[\w-]{16,}|\bgh[pousr]_\w+|\bpul-\w+|[A-Za-z0-9+/=_-]{40,}")
_ASSIGNED = re.compile(
    r"(?i)([\w.-]*(?:password|passphrase|passwd|secret|token|credential|api[_-]?key)[\w.-]*[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;}]+)"
)
_URN = re.compile(r"urn:pulumi:\S+::(?P<type>[^:\s]+(?::[^:\s]+)*)::(?P<name>[\w.$-]+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"^(?:[\w.]+\.)?(?P<error>[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b)", re.MULTILINE)
# Each says that there was an error, and not which.
_EMPTY = ("update failed", "preview failed", "failed to register new resource", "an unhandled error occurred")


def cleaned(message: str) -> str:
    """A message without what may be secret, in at most LONGEST characters."""
    text = _ANSI.sub("", message)
    if _TRACEBACK in text:
        raised = _RAISED.findall(text)
        # Its text may quote any value.
        return f"The program ended in a traceback of {raised[-1] if raised else 'an exception'}: run `pulumi preview`."
    # Names, not secrets, however long they are.
    text = _URN.sub(lambda urn: f"{urn['type'].rpartition('$')[2]} {urn['name']}", text)
    text = _PEM.sub("[PEM]", text)
    text = _USER.sub("[user]@", text)
    text = _ASSIGNED.sub(r"\1[not shown]", text)
    text = _TOKEN.sub("[not shown]", text)
    text = re.sub(r"\n{2,}", "\n", text.strip())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def failure(preview: Preview | None, stderr: str, code: int) -> str:
    """The sentence that a failed preview ends in.

    Args:
        preview: what it printed, None where it printed no document.
        stderr: what it said beside that.
        code: its exit code.
    """
    said = [one.message for one in preview.errors] if preview else []
    said += [line.removeprefix("error: ") for line in _ANSI.sub("", stderr).splitlines() if line.startswith("error: ")]
    said = [re.sub(r"^(?:error: )+", "", one.strip()) for one in said]
    telling = [one for one in said if one and not one.lower().startswith(_EMPTY)]
    if telling or said:
        return cleaned((telling or said)[-1])
    return f"`pulumi preview` ended with exit code {code} and gave no reason."


def warnings(preview: Preview) -> list[str]:
    """Its warnings, each once."""
    return list(dict.fromkeys(cleaned(one.message) for one in preview.diagnostics if one.severity == WARNING))
