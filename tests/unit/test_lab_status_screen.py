"""How what stands looks on terminals of 80 and 140 columns, and in colour."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from lab.status.dead import Seen
from lab.status.screen import show
from lab.status.survey import Status
from ops.status.row import Row
from ops.status.screen import shortened

EXPIRED = "expired 48 min ago, redeemed 0 of 1: `python -m lab rotate` makes another"
STANDBY = (
    "it receives no WAL, and its slot site_b is not in use, 327 kB behind, last change 2 min ago, from postgres-primary"
)
STREAMS = "streaming, 0 bytes behind, last message 4 s ago, from edb-site-b"
ROWS = [
    Row("lab", "process", "kube-apiserver-site-c", "DEAD", "`python -m lab up` starts it again"),
    Row("site-a", "Site", "rhsi-primary", "Ready", "2 sites in the network"),
    Row("site-a", "AccessGrant", "rhsi-site-b-grant-1", "Error", EXPIRED),
    Row("site-a", "Replication", "site_a_from_site_b", "Ready", STREAMS),
    Row("site-b", "Listener", "pg-site-a", "Pending", "No matching connectors"),
    Row("site-b", "AccessToken", "standby-from-vault-1", "Ready", ""),
    Row("site-b", "Replication", "postgres-standby", "Error", STANDBY),
]
PROCESSES = [
    Seen("etcd-site-a", 7, True, False, {"etcd-site-a": 14781, "etcd-peer-site-a": 15802}, Path("etcd.log"), ""),
    Seen("kube-controller-manager-site-b", 8, True, True, {}, Path("manager.log"), ""),
    Seen("kube-apiserver-site-c", 9, False, False, {"kube-apiserver-site-c": 31967}, Path("server.log"), ""),
]
STATUS = Status(ROWS, processes=PROCESSES, memory_bytes=1162 * 2**20, exists=True)

AT_80 = """\
lab
  process      kube-apiserver-site-c  DEAD
      `python -m lab up` starts it again
site-a
  Site         rhsi-primary           Ready    2 sites in the network
  AccessGrant  rhsi-site-b-grant-1    Error
      expired 48 min ago, redeemed 0 of 1: `python -m lab rotate` makes another
  Replication  site_a_from_site_b     Ready    streaming, 0 bytes behind, last…
site-b
  Listener     pg-site-a              Pending  No matching connectors
  AccessToken  standby-from-vault-1   Ready
  Replication  postgres-standby       Error
      it receives no WAL, and its slot site_b is not in use, 327 kB behind, last
      change 2 min ago, from postgres-primary
3 Ready, 4 not
"""
AT_140 = """\
lab
  process      kube-apiserver-site-c  DEAD     `python -m lab up` starts it again
site-a
  Site         rhsi-primary           Ready    2 sites in the network
  AccessGrant  rhsi-site-b-grant-1    Error    expired 48 min ago, redeemed 0 of 1: `python -m lab rotate` makes another
  Replication  site_a_from_site_b     Ready    streaming, 0 bytes behind, last message 4 s ago, from edb-site-b
site-b
  Listener     pg-site-a              Pending  No matching connectors
  AccessToken  standby-from-vault-1   Ready
  Replication  postgres-standby       Error
      it receives no WAL, and its slot site_b is not in use, 327 kB behind, last change 2 min ago, from postgres-primary
3 Ready, 4 not
"""
PROCESSES_AT_80 = """\
etcd-site-a                     up    etcd-site-a 14781, etcd-peer-site-a 15802
kube-controller-manager-site-b  held
kube-apiserver-site-c           DEAD  kube-apiserver-site-c 31967
memory (PSS): 1162 MiB
"""


def shown(width: int, *, status: Status = STATUS, processes: bool = False, colours: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colours, color_system="standard" if colours else None)
    show(console, status, processes=processes)
    return file.getvalue()


@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (140, AT_140)])
def test_the_screen_is_as_it_was_recorded(width: int, expected: str) -> None:
    assert shown(width) == expected


def test_the_processes_come_first_where_they_are_asked_for() -> None:
    assert shown(80, processes=True) == PROCESSES_AT_80 + AT_80


@pytest.mark.parametrize("width", [*range(60, 141, 4)])
def test_no_width_breaks_a_line_a_name_or_a_word(width: int) -> None:
    screen_shown = shown(width)
    assert max(map(len, screen_shown.splitlines())) <= width
    said = {word for row in ROWS for word in f"{row.stack} {row.kind} {row.name} {row.status} {row.detail}".split()}
    for word in re.split(r"\s+", screen_shown.rpartition("3 Ready")[0].strip()):
        assert word in said or word.removesuffix("…") in {known.rstrip(",:;") for known in said}, word
    for row in ROWS:
        line = next(line for line in screen_shown.splitlines() if f"  {row.kind} " in line and f" {row.name} " in line)
        assert row.status in line
        if not row.ready:
            assert row.detail in " ".join(screen_shown.split()), "why something is not Ready is never cut"


def test_colours_tell_ready_from_pending_from_wrong_where_the_terminal_has_them() -> None:
    text = shown(140, colours=True)
    assert re.search(r"rhsi-primary +\x1b\[32mReady", text)
    assert re.search(r"pg-site-a +\x1b\[33mPending", text)
    assert re.search(r"rhsi-site-b-grant-1 +\x1b\[31mError", text)
    assert re.search(r"kube-apiserver-site-c +\x1b\[31mDEAD", text)
    assert "\x1b" not in shown(140)


def test_the_summary_line_is_green_only_where_all_is_ready() -> None:
    ready = Status(ROWS[1:2], processes=PROCESSES[:1], exists=True)
    assert shown(80, status=ready, colours=True).endswith("\x1b[1;32m1 Ready, 0 not\x1b[0m\n")
    assert "\x1b[1;31m3 Ready, 4 not" in shown(80, colours=True)


def test_nothing_standing_is_said_in_the_summary() -> None:
    assert shown(80, status=Status()) == "0 Ready, 0 not\n"


@pytest.mark.parametrize(
    ("room", "text"),
    [(33, "streaming, 0 bytes behind, last c"), (27, "streaming, 0 bytes behind…"), (12, "streaming…"), (11, "")],
)
def test_a_detail_is_cut_at_a_word_and_left_out_where_it_would_say_nothing(room: int, text: str) -> None:
    assert shortened("streaming, 0 bytes behind, last c", room) == text
