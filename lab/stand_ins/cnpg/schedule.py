"""Times by six cron fields, seconds first: the part of robfig/cron that the operator's schedules use.

Pure functions. Takes numbers, `*`, lists, ranges and steps; names of months and days, and `@daily`, it does not know.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_YEARS = 5
"""How far upstream looks ahead."""


class ScheduleError(Exception):
    """What of a schedule cannot be read."""


@dataclass(frozen=True)
class Schedule:
    """The values that each field allows."""

    fields: tuple[frozenset[int], ...]
    day_is_free: bool
    weekday_is_free: bool

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read six fields.

        Raises:
            ScheduleError: one has another form.
        """
        words = text.split()
        if len(words) != len(_RANGES):
            raise ScheduleError(f"expected {len(_RANGES)} fields, found {len(words)}: {text}")
        fields = tuple(_field(word, *limits) for word, limits in zip(words, _RANGES, strict=True))
        return cls(fields, words[3][0] in "*?", words[5][0] in "*?")

    def after(self, moment: datetime) -> datetime | None:
        """The next time, in UTC as the operator's pod has it; None where none is near."""
        seconds, minutes, hours, _, _, _ = self.fields
        now = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day = now.replace(hour=0, minute=0, second=0)
        while day.year <= moment.year + _YEARS:
            if self._allows(day):
                for hour in sorted(hours):
                    for minute in sorted(minutes):
                        for second in sorted(seconds):
                            found = day.replace(hour=hour, minute=minute, second=second)
                            if found >= now:
                                return found
            day += timedelta(days=1)
        return None

    def _allows(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        by_day = day.day in days
        # Sunday is 0.
        by_weekday = (calendar.weekday(day.year, day.month, day.day) + 1) % 7 in weekdays
        # As cron has it: where both are given, either will do.
        free = self.day_is_free or self.weekday_is_free
        return day.month in months and (by_day and by_weekday if free else by_day or by_weekday)


def _field(text: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            if span in {"*", "?"}:
                begin, end = lowest, highest
            else:
                begin = int(first)
                end = int(last) if dash else highest if step else begin
            every = int(step) if step else 1
        except ValueError as error:
            raise ScheduleError(f"failed to parse {text}") from error
        if not (lowest <= begin <= end <= highest and every > 0):
            raise ScheduleError(f"{part} is not within {lowest}-{highest}")
        found |= set(range(begin, end + 1, every))
    return frozenset(found)
