"""What a check says: one sentence about one thing, how bad it is, and the command that helps."""

from dataclasses import dataclass
from typing import Literal

State = Literal["error", "warning", "unknown", "ok"]

STATES: tuple[State, ...] = ("error", "warning", "unknown", "ok")
"""From bad to good."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what it is about, in a word or two, such as `rights`.
        state: `error`: `up` fails; `warning`: it goes through and does something that a person should know; `unknown`:
            nobody can tell from here; `ok`.
        sentence: what is so, and why.
        fix: the command or setting that helps, or that tells what is unknown; empty where there is nothing to do.
    """

    subject: str
    state: State
    sentence: str
    fix: str = ""


def ok(subject: str, sentence: str) -> Finding:
    """All is well."""
    return Finding(subject=subject, state="ok", sentence=sentence)


def error(subject: str, sentence: str, fix: str) -> Finding:
    """`up` fails."""
    return Finding(subject=subject, state="error", sentence=sentence, fix=fix)


def warning(subject: str, sentence: str, fix: str) -> Finding:
    """`up` goes through, and a person should know."""
    return Finding(subject=subject, state="warning", sentence=sentence, fix=fix)


def unknown(subject: str, sentence: str, fix: str = "") -> Finding:
    """Nobody can tell from here."""
    return Finding(subject=subject, state="unknown", sentence=sentence, fix=fix)
