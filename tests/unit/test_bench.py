"""The arithmetic of `make bench`: percentiles, ratios within a pair, and how figures are shown."""

import io
import json

import pytest
from rich.console import Console

from bench import engine
from bench.comparison import Pair, Round, figures, percentile
from bench.figures import Figure, document, table


def test_a_percentile_lies_between_the_neighbours_of_its_place() -> None:
    values = [float(number) for number in range(101)]
    assert percentile(values[::-1], 50) == 50
    assert percentile(values, 99) == 99
    assert percentile([1.0, 2.0], 50) == 1.5


def test_one_late_commit_in_fifty_moves_the_p99_and_not_the_p50() -> None:
    lags = [1.0] * 98 + [500.0] * 2
    assert percentile(lags, 50) == 1
    assert percentile(lags, 99) == 500


def test_a_ratio_is_taken_within_a_pair_so_that_a_busy_machine_cancels_out() -> None:
    quiet = Pair(link=Round([2.0, 2.0], 900.0), direct=Round([1.0, 1.0], 1000.0))
    busy = Pair(link=Round([20.0, 20.0], 90.0), direct=Round([10.0, 10.0], 100.0))
    by_name = {figure.name: figure.values for figure in figures([quiet, busy])}
    assert by_name["replication lag, p50: over the link"] == [2, 20]
    assert by_name["replication lag, p99: connected directly"] == [1, 10]
    assert by_name["replication lag, p50: link / direct"] == [2, 2]
    assert by_name["replication lag, p99: link / direct"] == [2, 2]
    assert by_name["replication throughput: link / direct"] == [0.9, 0.9]


def test_a_run_is_held_against_the_empty_programs_of_the_same_round() -> None:
    found = engine.figures({("up", ""): [1.0, 2.0], ("up", "site-a"): [1.5, 3.0]})
    assert [(figure.name, figure.target, figure.values) for figure in found] == [
        ("up of an empty program, nothing to do", None, [1, 2]),
        ("up of site-a, nothing to do", None, [1.5, 3]),
        ("up of site-a / of an empty program", engine.MOST, [1.5, 1.5]),
    ]


def test_figures_say_what_they_are_held_against_in_json_too() -> None:
    shown = document([Figure("ready", "s", 20, [3.0, 1.0, 2.0]), Figure("build", "s", None, [])])
    ready, build = json.loads(json.dumps(shown))["figures"]
    assert ready == {"name": "ready", "unit": "s", "target": 20, "values": [3, 1, 2], "median": 2}
    assert build["median"] is None


@pytest.mark.parametrize(("value", "text"), [(0.456, "0.46"), (45.67, "45.7"), (45678.9, "45679"), (-0.2, "-0.20")])
def test_the_table_shows_no_more_digits_than_matter(value: float, text: str) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(table([Figure("one", "ms", None, [value]), Figure("none", "s", 12, [])], 120))
    *_, one, none = out.getvalue().splitlines()
    assert one.split() == ["one", text, text, text, "ms"]
    assert none.split() == ["none", "12.0", "s"]
