"""The policy pack under the real engine, as a person runs it in the lab's shell: `--policy-pack policy`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.generate.policy import page
from tests.lab.checkout import Checkout, Result

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def checkout(copy_checkout: Callable[..., Checkout]) -> Checkout:
    """Stacks of which nothing stands, and which protect their data as stacks outside the lab do."""
    made = copy_checkout()
    for stack in made.stacks():
        made.change(stack.name, "protect", True)
    return made


def preview(checkout: Checkout, stack: str, *options: str) -> Result:
    result = checkout.run("preview", stack, "--policy-pack", "policy", *options)
    return Result(result.code, " ".join(result.text.split()))


@pytest.mark.parametrize("stack", ["site-a", "site-b"])
def test_the_stacks_comply(checkout: Checkout, stack: str) -> None:
    result = preview(checkout, stack)
    assert result.code == 0, result.text
    assert "✅ rhsi@v1.0.0 (local: policy)" in result.text, "the pack ran and has nothing to say"


def test_a_window_that_is_too_long_ends_the_preview_with_the_sentence(checkout: Checkout) -> None:
    checkout.change("site-a", "standbys.site-b.expirationWindow", "24h")
    result = preview(checkout, "site-a")
    checkout.change("site-a", "standbys.site-b.expirationWindow", "1h")
    assert result.code != 0, result.text
    assert "[mandatory] grant-window" in result.text
    assert (
        'AccessGrant rhsi/rhsi-site-b-grant-1: spec.expirationWindow is "24h", which is longer than 1h; set 1h or less'
        in result.text
    )


def configured(folder: Path, **content: Any) -> list[str]:
    """The options for a configuration of the pack."""
    file = folder / "policies.json"
    file.write_text(json.dumps(content))
    return ["--policy-pack-config", str(file)]


def test_a_misspelt_setting_ends_the_preview(checkout: Checkout, tmp_path: Path) -> None:
    result = preview(checkout, "site-a", *configured(tmp_path, **{"grant-window": {"maximumwindow": "15m"}}))
    assert result.code != 0, result.text
    assert "grant-window has no setting maximumwindow: it has maximumWindow." in result.text


def test_one_resource_may_be_excepted_as_the_page_says(checkout: Checkout, tmp_path: Path) -> None:
    (grant,) = re.findall(r"urn:pulumi:site-a::rhsi::\S+::primary-site-b-grant", page())
    match = [{"policies": ["grant-window"], "targets": [grant]}]
    narrow = {"version": 2, "policies": {"grant-window": {"maximumWindow": "1m"}}}
    refused = preview(checkout, "site-a", *configured(tmp_path, **narrow))
    exceptions = {"slow-standby": {"reason": "A person carries the credentials.", "match": match}}
    excepted = preview(checkout, "site-a", *configured(tmp_path, **narrow, exceptions=exceptions))
    assert (refused.code != 0, "[mandatory] grant-window" in refused.text) == (True, True), refused.text
    assert (excepted.code, "[exempted] grant-window (1 violation)" in excepted.text) == (0, True), excepted.text


def test_unprotected_data_is_a_warning_and_an_error_under_the_strict_configuration(checkout: Checkout) -> None:
    checkout.change("site-a", "protect", False)
    warned = preview(checkout, "site-a")
    ended = preview(checkout, "site-a", "--policy-pack-config", "policy/strict.json")
    checkout.change("site-a", "protect", True)
    sentence = "Mount rhsi is not protected, and `pulumi destroy` deletes every secret in it"
    assert (warned.code, "[advisory] data-protected" in warned.text) == (0, True), warned.text
    assert (ended.code != 0, "[mandatory] data-protected" in ended.text) == (True, True), ended.text
    assert sentence in warned.text
    assert sentence in ended.text
