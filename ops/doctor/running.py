"""Runs the checks side by side, each to its end or the deadline; what one cannot tell never hides the rest.

Owns the threads, and what becomes of errors: a cluster that does not answer is said once, with all that was not looked
at because of it. The threads end with the process: a check that hangs in a name server's silence is left behind.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ops.clusters import ClusterError
from ops.doctor.finding import Finding, unknown
from ops.doctor.scene import Scene
from ops.project import ProjectError
from ops.stacks import StackError
from ops.vault import VaultError

NOT_LOOKED_AT = "not seen"
"""The subject of what could not be looked at."""

SECONDS = 45.0
"""For all of them: longer than any of their requests one after the other should take."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check: what it is about, and the function that looks."""

    subject: str
    look: Callable[[Scene], Iterable[Finding]]


@dataclass(frozen=True)
class _Answer:
    check: Check
    findings: list[Finding]
    error: Exception | None = None


def run(scene: Scene, checks: Sequence[Check], *, seconds: float = SECONDS) -> list[Finding]:
    """What all checks of a stack say, in their order.

    Args:
        scene: the stack.
        checks: each runs in a thread of its own.
        seconds: after which those that have not answered are left.
    """
    answers: queue.Queue[_Answer] = queue.Queue()
    for check in checks:
        threading.Thread(target=_look, args=(scene, check, answers), daemon=True).start()
    deadline = time.monotonic() + seconds
    found: dict[str, _Answer] = {}
    while len(found) < len(checks):
        try:
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[answer.check.subject] = answer
    late = [check.subject for check in checks if check.subject not in found]
    known = [found[check.subject] for check in checks if check.subject in found]
    findings = [finding for answer in known for finding in answer.findings]
    if late:
        findings.append(unknown(NOT_LOOKED_AT, f"{', '.join(late)}: no answer within {seconds:g} s."))
    return findings + _unanswered(known)


def _unanswered(answers: Sequence[_Answer]) -> list[Finding]:
    """What was not looked at, by the reason."""
    subjects: dict[str, list[str]] = {}
    for answer in answers:
        if answer.error:
            subjects.setdefault(str(answer.error), []).append(answer.check.subject)
    return [unknown(NOT_LOOKED_AT, f"{', '.join(names)}: {reason}") for reason, names in subjects.items()]


def _look(scene: Scene, check: Check, answers: "queue.Queue[_Answer]") -> None:
    findings: list[Finding] = []
    try:
        findings.extend(check.look(scene))
    except (ClusterError, VaultError, StackError, ProjectError) as error:
        answers.put(_Answer(check, findings, error))
    except Exception as error:
        # A defect of one check is its own finding, and hides no other.
        broken = RuntimeError(f"this check failed ({type(error).__name__}: {error}); that is a defect of the doctor.")
        answers.put(_Answer(check, findings, broken))
    else:
        answers.put(_Answer(check, findings))
