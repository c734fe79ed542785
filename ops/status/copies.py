"""What there is to say of one copy of a database."""

from dataclasses import dataclass

from ops.status.row import ERROR, READY, Row, size, span

SEGMENT = 16 * 2**20
"""Bytes in a segment of WAL. A copy that lacks more than one catches up; less is on its way under any load."""

UNASKED = "its cluster does not answer, or its stack is not among those of this folder"
"""Why a source was not asked."""


@dataclass(frozen=True, kw_only=True)
class Replication:
    """One copy: a standby that streams, or a subscription.

    Attributes:
        stack: whose cluster holds the copy.
        copy: name of the subscription or of the standby.
        source: where it comes from; empty for a promoted server, which is no copy any more.
        status: Ready while it receives and applies, Pending while it catches up, Error where it does neither, Unknown
            where one of the servers could not be asked.
        running: whether it is connected to its source and applies what it receives.
        state: of its connection: `streaming`, `catchup`, or empty; or that it was promoted.
        replay: whether what is received is applied: `applied`, `paused`, or empty.
        slot_active: whether the source's slot is in use; None where the source did not answer.
        bytes_behind: WAL that the copy has not applied; None where a server did not answer.
        lag_ms: of the last change, as the source measured it; None where nothing has changed for a while.
        change_seconds: age of the last change that a standby has applied.
        message_seconds: age of the last word from the source.
        problem: why it is not Ready, or empty.
    """

    stack: str
    copy: str
    source: str
    status: str = ERROR
    running: bool = False
    state: str = ""
    replay: str = ""
    slot_active: bool | None = None
    bytes_behind: int | None = None
    lag_ms: float | None = None
    change_seconds: float | None = None
    message_seconds: float | None = None
    problem: str = ""

    @property
    def detail(self) -> str:
        """For people: what is wrong comes first, for the end may not fit."""
        said = [self.problem or self.state]
        if self.bytes_behind is not None:
            said.append(f"{size(self.bytes_behind)} behind")
        if self.lag_ms is not None and self.status == READY:
            said.append(f"lag {self.lag_ms:.1f} ms")
        if self.change_seconds is not None:
            said.append(f"last change {span(self.change_seconds)} ago")
        if self.message_seconds is not None:
            said.append(f"last message {span(self.message_seconds)} ago")
        if self.source:
            said.append(f"from {self.source}")
        return ", ".join(part for part in said if part)

    def row(self) -> Row:
        """As a line of the table."""
        return Row(self.stack, "Replication", self.copy, self.status, self.detail)
