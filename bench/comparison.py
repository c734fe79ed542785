"""Replication over the link beside replication without it: the arithmetic of it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figure


@dataclass(frozen=True)
class Round:
    """One way, once. Lags of its commits in milliseconds; throughput in rows per second."""

    lags: list[float]
    throughput: float


@dataclass(frozen=True)
class Pair:
    """Both ways, one right after the other, so that their ratio says little of what else the machine does."""

    link: Round
    direct: Round


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values (two at least) lie below, interpolated between neighbours."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def figures(pairs: Sequence[Pair]) -> list[Figure]:
    """A value for each pair: of the link, without it, and what the link makes of it: 1 is no difference."""
    return [
        *_compared("replication lag, p50", "ms", pairs, lambda one: percentile(one.lags, 50)),
        *_compared("replication lag, p99", "ms", pairs, lambda one: percentile(one.lags, 99)),
        *_compared("replication throughput", "rows/s", pairs, lambda one: one.throughput),
    ]


def _compared(name: str, unit: str, pairs: Sequence[Pair], value: Callable[[Round], float]) -> list[Figure]:
    link = [value(pair.link) for pair in pairs]
    direct = [value(pair.direct) for pair in pairs]
    ratios = [over / without for over, without in zip(link, direct, strict=True)]
    return [
        Figure(f"{name}: over the link", unit, None, link),
        Figure(f"{name}: connected directly", unit, None, direct),
        Figure(f"{name}: link / direct", "", None, ratios),
    ]
