"""What an AccessGrant's status says, and which redemptions are refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lab.kube import Manifest
from lab.stand_ins.skupper import grants
from lab.stand_ins.skupper.grants import Answer, Server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = Server("https://host:9090", "PEM")


def grant(status: Manifest | None = None, **spec: Any) -> Manifest:
    metadata = {"name": "g", "namespace": "n", "uid": "u-1", "generation": 1}
    return {"kind": "AccessGrant", "metadata": metadata, "spec": {"redemptionsAllowed": 1, **spec}} | (
        {"status": status} if status else {}
    )


def processed(found: Manifest, server: Server = SERVER, *, edge: bool = False) -> Manifest:
    assert grants.process(found, server, NOW, edge=edge)
    status: Manifest = found["status"]
    return status


def test_a_new_grant_is_ready_with_url_code_ca_and_expiry() -> None:
    status = processed(grant(expirationWindow="1h30m"))
    assert (status["url"], status["ca"]) == ("https://host:9090/u-1", "PEM")
    assert len(status["code"]) == 24
    assert status["code"].isalnum()
    assert status["expirationTime"] == "2026-03-01T13:30:00Z"
    assert (status["status"], status["message"]) == ("Ready", "OK")
    assert "redemptions" not in status


def test_codes_differ() -> None:
    assert processed(grant())["code"] != processed(grant())["code"]


def test_a_given_code_is_taken() -> None:
    assert processed(grant(code="mine"))["code"] == "mine"


def test_the_default_window_is_ten_minutes() -> None:
    assert processed(grant())["expirationTime"] == "2026-03-01T12:10:00Z"


def test_the_expiry_carries_the_local_zone() -> None:
    found = grant(expirationWindow="1h")
    grants.process(found, SERVER, NOW.astimezone(timezone(timedelta(hours=2))), edge=False)
    assert found["status"]["expirationTime"] == "2026-03-01T15:00:00+02:00"


def test_what_is_filled_stays_whatever_the_spec_says_later() -> None:
    found = grant(expirationWindow="1h", code="first")
    before = dict(processed(found))
    found["spec"] |= {"expirationWindow": "5h", "code": "second"}
    assert not grants.process(found, SERVER, NOW, edge=False)
    assert found["status"] == before


@pytest.mark.parametrize(
    ("server", "missing"), [(Server("", "PEM"), "url"), (Server("https://host:9090", ""), "ca"), (Server(), "url")]
)
def test_without_url_or_ca_a_grant_is_pending(server: Server, missing: str) -> None:
    status = processed(grant(), server)
    assert (status["status"], status["message"]) == ("Pending", "Pending")
    assert missing not in status


def test_a_restarted_controller_blanks_url_and_ca() -> None:
    found = grant()
    before = dict(processed(found))
    status = processed(found, Server())
    assert "url" not in status
    assert "ca" not in status
    assert (status["code"], status["status"]) == (before["code"], "Pending")
    assert processed(found)["url"] == before["url"]


def test_a_bad_duration_and_an_edge_site_are_both_reported() -> None:
    status = processed(grant(expirationWindow="1 day"), edge=True)
    bad = 'Invalid duration "1 day": time: invalid duration "1 day"'
    assert (status["status"], status["message"]) == ("Error", f"{grants.EDGE_ERROR}, {bad}")
    assert "expirationTime" not in status


USABLE = {"code": "abc", "expirationTime": "2026-03-01T13:00:00Z"}


@pytest.mark.parametrize(
    ("found", "body", "answer"),
    [
        (None, b"abc", Answer(404, "No such claim")),
        (grant({"code": "abc"}), b"abc", Answer(500, "Corrupted claim")),
        (grant({**USABLE, "expirationTime": "soon"}), b"wrong", Answer(500, "Corrupted claim")),
        (grant({**USABLE, "expirationTime": "2026-03-01T11:59:59Z"}), b"abc", Answer(404, "No such claim")),
        (grant({**USABLE, "expirationTime": "2026-03-01T12:59:59+02:00"}), b"abc", Answer(404, "No such claim")),
        (grant({**USABLE, "redemptions": 1}), b"wrong", Answer(404, "No such access granted")),
        (grant({**USABLE, "redemptions": 2}, redemptionsAllowed=2), b"abc", Answer(404, "No such access granted")),
        (grant(USABLE), b"wrong", Answer(403, "Redemption of access token refused")),
        (grant(USABLE), b"abc\n", Answer(403, "Redemption of access token refused")),
        (grant(USABLE), b"", Answer(403, "Redemption of access token refused")),
        (grant(USABLE), b"\xff\xfe", Answer(403, "Redemption of access token refused")),
        (grant(USABLE), b"abc", None),
        (grant({**USABLE, "redemptions": 1}, redemptionsAllowed=2), b"abc", None),
    ],
)
def test_redemptions_are_judged_in_upstreams_order(found: Manifest | None, body: bytes, answer: Answer | None) -> None:
    assert grants.refusal(found, body, NOW) == answer


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h", 3600), ("1h30m", 5400), ("1.5h", 5400), (".5s", 0.5), ("-1s", -1), ("+2m", 120), ("0", 0), ("100ms", 0.1)],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert grants.parse_window(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["1 day", "1d", "1y", "1h 30m", "1h,30m", "10", "1.5.5s", ".s", "soon", "-", "", "1h\n", "99999999999999999h"],
)
def test_what_go_refuses_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)duration"):
        grants.parse_window(text)
