"""One line of what stands, and how amounts and times are written in it."""

from dataclasses import dataclass

READY, PENDING, ERROR, DEAD = "Ready", "Pending", "Error", "DEAD"
"""The states of a row. Another word stands for itself, and is not Ready."""

LAB = "lab"
"""The `stack` of what belongs to no stack: the lab's own processes."""


@dataclass(frozen=True)
class Row:
    """One object: its stack, kind and name, its state in one word, and what else a person wants to know of it."""

    stack: str
    kind: str
    name: str
    status: str
    detail: str

    @property
    def ready(self) -> bool:
        """Whether nothing is left to wait for or to do."""
        return self.status == READY


def counted(number: int, noun: str) -> str:
    """`1 site`, `2 sites`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(seconds: float) -> str:
    """A length of time in its largest unit of which there are two, or seconds: `90 s`, `12 min`, `3 h`, `4 days`."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds / length)} {unit}"
    return f"{max(0, int(seconds))} s"


def size(amount: int) -> str:
    """An amount of data in its largest unit of which there are ten, or bytes: `0 bytes`, `48 kB`, `17 MB`."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if amount >= 10 * length:
            return f"{amount // length} {unit}"
    return counted(amount, "byte")
