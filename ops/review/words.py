"""What `pulumi` says in words, made fit for a comment: no secret, no traceback, not too long.

Owns what is cut out of a message. The program's own errors and warnings are sentences without secrets; those of
providers and servers may quote what they were sent.
"""

import re

from ops.review.preview import WARNING, Preview

LONGEST = 700
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_USER = re.compile(r"(?<=://)[^/\s]*@")
# What begins like a token; then what is as long as one and mixed like one, which no name in Kubernetes is.
_TOKEN = re.compile(
    r"\beyJ[\w.-]+|\b(?:hv[sbr]|s|b|r)\.[\w-]{16,}|\bgh[pousr]_\w+|\bpul-\w+|\b[0-9a-f]{32,}\b"
    r"|(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Z])[\w+/=-]{32,}"
)
_ASSIGNED = re.compile(
    r"(?i)([\w.-]*(?:password|passphrase|passwd|secret|token|credential|api[_-]?key)[\w.-]*[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;}]+)"
)
# Not in a command to paste, which has it in quotes.
_URN = re.compile(r"(?<!')urn:pulumi:\S+::(?P<type>[^:\s]+(?::[^:\s]+)*)::(?P<name>[\w.$-]+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"^(?:[\w.]+\.)?(?P<error>[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b)", re.MULTILINE)
# What stands before the sentence, and what says only that there was one.
_BEFORE = re.compile(r"^(?:error: |Preview failed: |before hook \"\w+\" failed: )+")
_EMPTY = re.compile(r"(?:preview|update) failed|an unhandled error occurred:.*", re.DOTALL)


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
    said = [_BEFORE.sub("", one.strip()) for one in said]
    telling = [one for one in said if one and not _EMPTY.fullmatch(one)]
    if telling or said:
        return cleaned((telling or said)[-1])
    ended = f"`pulumi preview` ended with exit code {code}"
    last = [line for line in _ANSI.sub("", stderr).splitlines() if line.strip()][-1:]
    return f"{ended}: {cleaned(last[0])}" if last else f"{ended} and gave no reason."


def warnings(preview: Preview) -> list[str]:
    """Its warnings, each once."""
    said = (one.message.removeprefix("warning: ") for one in preview.diagnostics if one.severity == WARNING)
    return list(dict.fromkeys(map(cleaned, said)))
