"""When somebody who waits in silence is to be told something: after ten seconds, and ever more rarely from then on."""

FIRST_SECONDS = 10.0
MOST_SECONDS = 60.0


class Silence:
    """A silence and the lines that interrupt it: after 10, 20, 40 and 80 s, then every 60 s. Knows no clock itself."""

    def __init__(self, now: float) -> None:
        self.end(now)

    def end(self, now: float) -> None:
        """Something was said at this time: another silence begins."""
        self._began = now
        self._due = FIRST_SECONDS

    def seconds(self, now: float) -> float:
        """How long it has lasted."""
        return now - self._began

    def is_due(self, now: float) -> bool:
        """Whether a line is due; true once for each line."""
        if self.seconds(now) < self._due:
            return False
        self._due += min(self._due, MOST_SECONDS)
        return True
