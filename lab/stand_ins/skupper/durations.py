"""Durations as Go's time.ParseDuration reads them, with its error texts: they end up in an AccessGrant's status."""

import json
import re
from datetime import timedelta

# Microseconds per unit; both spellings of the micro sign, as in Go.
UNITS = {"ns": 1e-3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9}


def parse_duration(text: str) -> timedelta:
    """Parse for example `1h30m`.

    Raises:
        ValueError: with Go's sentence, for example `time: missing unit in duration "10"`.
    """
    quoted = json.dumps(text, ensure_ascii=False)
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return timedelta()
    if not rest:
        raise ValueError(f"time: invalid duration {quoted}")
    total = 0.0
    while rest:
        number = re.match(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", rest, re.ASCII)
        if not number:
            raise ValueError(f"time: invalid duration {quoted}")
        rest = rest[number.end() :]
        unit = re.match(r"[^0-9.]*", rest, re.ASCII)
        name = unit.group() if unit else ""
        if not name:
            raise ValueError(f"time: missing unit in duration {quoted}")
        if name not in UNITS:
            raise ValueError(f"time: unknown unit {json.dumps(name, ensure_ascii=False)} in duration {quoted}")
        rest = rest[len(name) :]
        total += float(number.group()) * UNITS[name]
    try:
        return timedelta(microseconds=sign * total)
    except OverflowError as error:
        raise ValueError(f"time: invalid duration {quoted}") from error
