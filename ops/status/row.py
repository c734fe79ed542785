"""One line of what stands, and how amounts and times are written in it."""

from dataclasses import dataclass

READY, PENDING, ERROR, UNKNOWN, MISSING, DEAD = "Ready", "Pending", "Error", "Unknown", "Missing", "DEAD"
"""The states of a row: Unknown is what the login may not see, Missing what the settings want and is not there, DEAD a
process that has ended and should not have. Another word stands for itself, and is not Ready."""

EXPIRED = "expired "
"""How the detail of a grant begins whose time is over, and which nobody has used."""


@dataclass(frozen=True)
class Row:
    """One object.

    Attributes:
        stack: whose it is.
        kind: its Kubernetes kind; `Replication`, `Rotation`, `Operator`, or in small letters what is no object.
        name: of the object.
        status: its state in one word.
        detail: what else a person wants to know of it; why it is not Ready.
        namespace: of the object; empty for what is in none.
        created: when the object was made, as the API writes it; empty for what is no object.
        resource: its kind with its API group, as in `kubectl get links.skupper.io`; empty for what is no object.
    """

    stack: str
    kind: str
    name: str
    status: str
    detail: str
    namespace: str = ""
    created: str = ""
    resource: str = ""

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
