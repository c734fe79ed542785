"""Durations as Go writes them, which is what Skupper's controller reads. Source: time:format.go, ParseDuration."""

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE = re.compile(rf"([+-]?)((?:{_PART})+)")


def seconds(text: str) -> float | None:
    """How long it is; None for what Go refuses, such as `1d` or `1 hour`."""
    if text.lstrip("+-") == "0" and len(text) <= len("-0"):
        return 0.0
    found = _WHOLE.fullmatch(text)
    if found is None:
        return None
    total = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, found[2]))
    return -total if found[1] == "-" else total
