"""Grants of Skupper: window, redemptions and fields."""

from typing import Any

import pytest

from policy.rules.durations import seconds
from tests.unit.policy.judging import UNKNOWN, judge, manifest


def grant(**spec: Any) -> dict[str, Any]:
    return manifest("AccessGrant", spec=spec)


@pytest.mark.parametrize("window", ["1h", "60m", "3600s", "59m59s", "1ns", UNKNOWN])
def test_a_window_of_at_most_an_hour_is_allowed(window: str) -> None:
    assert not judge("grant-window", grant(expirationWindow=window))


def test_a_longer_window_is_refused_with_the_fix() -> None:
    assert judge("grant-window", grant(expirationWindow="24h")) == [
        'AccessGrant rhsi/it: spec.expirationWindow is "24h", which is longer than 1h; set 1h or less, and rotate if a '
        "standby comes too late."
    ]


@pytest.mark.parametrize("window", ["1h1ns", "61m", "1.01h"])
def test_the_least_bit_more_than_an_hour_is_refused(window: str) -> None:
    assert "longer than 1h" in judge("grant-window", grant(expirationWindow=window))[0]


def test_a_missing_window_is_refused_for_the_controller_has_its_own() -> None:
    (said,) = judge("grant-window", grant(redemptionsAllowed=1))
    assert "spec.expirationWindow is not set, so the controller's own 10 minutes count" in said


@pytest.mark.parametrize("window", ["1 day", "1d", "", "0", "-1h", 3600.0])
def test_a_window_that_skupper_cannot_read_is_refused(window: object) -> None:
    (said,) = judge("grant-window", grant(expirationWindow=window))
    assert "cannot read as a length of time" in said


def test_another_longest_window_may_be_configured() -> None:
    assert not judge("grant-window", grant(expirationWindow="24h"), config={"maximumWindow": "24h"})
    assert judge("grant-window", grant(expirationWindow="16m"), config={"maximumWindow": "15m"})


@pytest.mark.parametrize("longest", ["a day", "0", "-1h", ""])
def test_a_longest_window_that_is_no_duration_is_an_error_and_not_a_permission(longest: str) -> None:
    with pytest.raises(ValueError, match=f'^grant-window has maximumWindow "{longest}", which is no duration such as'):
        judge("grant-window", grant(expirationWindow="24h"), config={"maximumWindow": longest})


@pytest.mark.parametrize(
    ("rule", "ending"), [("grant-window", "it has maximumWindow."), ("grant-fields", "only its level can be set.")]
)
def test_a_misspelt_setting_is_an_error_and_does_not_count_in_silence(rule: str, ending: str) -> None:
    with pytest.raises(ValueError, match=f"^{rule} has no setting maximumwindow: {ending}$"):
        judge(rule, grant(), config={"maximumwindow": "15m"})


@pytest.mark.parametrize(
    ("text", "length"),
    [("1h30m", 5400.0), ("1.5h", 5400.0), (".5s", 0.5), ("-2m", -120.0), ("0", 0.0), ("1h 30m", None), ("h", None)],
)
def test_durations_are_read_as_go_reads_them(text: str, length: float | None) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("number", [1, 1.0, UNKNOWN])
def test_one_redemption_is_allowed(number: object) -> None:
    assert not judge("grant-redemptions", grant(redemptionsAllowed=number))


def test_a_second_redemption_is_refused_with_the_fix() -> None:
    assert judge("grant-redemptions", grant(redemptionsAllowed=10.0)) == [
        "AccessGrant rhsi/it: spec.redemptionsAllowed is 10, so others can link with the code that one site has used; "
        "set 1."
    ]


@pytest.mark.parametrize(("number", "why"), [(None, "not set"), (0, "is 0"), (-1, "is -1"), (True, "is true")])
def test_a_number_with_which_nobody_can_link_is_refused(number: object, why: str) -> None:
    (said,) = judge("grant-redemptions", grant(**({} if number is None else {"redemptionsAllowed": number})))
    assert why in said
    assert said.endswith("set 1.")


def test_more_redemptions_may_be_configured() -> None:
    assert not judge("grant-redemptions", grant(redemptionsAllowed=3), config={"maximumRedemptions": 3.0})
    assert judge("grant-redemptions", grant(redemptionsAllowed=4), config={"maximumRedemptions": 3.0})


def test_the_fields_that_skupper_knows_are_allowed() -> None:
    every = {"redemptionsAllowed": 1, "expirationWindow": "1h", "code": UNKNOWN, "issuer": "x", "settings": {"a": "b"}}
    assert not judge("grant-fields", grant(**every))
    assert not judge("grant-fields", manifest("AccessGrant"))
    assert not judge("grant-fields", manifest("AccessGrant", spec=UNKNOWN))


def test_the_field_of_the_manuals_that_skupper_drops_is_refused() -> None:
    assert judge("grant-fields", grant(securedAccess="skupper-grant-server")) == [
        "AccessGrant rhsi/it: spec.securedAccess is no field of an AccessGrant, so the API server drops it on creation "
        "and refuses it in every later apply; remove it."
    ]


def test_a_misspelt_field_is_refused_with_the_right_name() -> None:
    (said,) = judge("grant-fields", grant(expirationWindows="1h"))
    assert said.endswith("write expirationWindow.")


@pytest.mark.parametrize("rule", ["grant-window", "grant-redemptions", "grant-fields"])
def test_other_kinds_are_no_grants(rule: str) -> None:
    assert not judge(rule, manifest("AccessToken", spec={"securedAccess": "x", "expirationWindow": "24h"}))
    assert not judge(rule, manifest("AccessGrant", api_version="example.com/v1", spec={"expirationWindow": "24h"}))
