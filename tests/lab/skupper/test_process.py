"""The Skupper emulator as a process: what a restart shows and keeps, and what its log never has."""

import contextlib
import threading

import pytest

from lab.kube import Manifest
from lab.stand_ins.controller.informer import Informer
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.api import Api
from tests.lab.skupper.emulator import Emulator
from tests.lab.skupper.places import Place, make_grant, make_link, make_token

pytestmark = pytest.mark.lab


def test_a_restart_blanks_grants_for_a_moment_and_keeps_urls_and_ca(
    sites: list[Place], emulator: Emulator, apis: list[Api]
) -> None:
    place = sites[0]
    before = make_grant(place, "kept")["status"]
    assert emulator.stop() == 0
    seen: list[Manifest] = []
    looked = threading.Event()

    def look(_: str, found: Manifest) -> None:
        if api.key_of(found) == f"{place.namespace}/kept":
            seen.append(found["status"])
            if len(seen) > 1 and conditions.is_true(found, "Ready"):
                looked.set()

    watch = Informer(apis[0].client, api.GRANT, look)
    watch.start()
    assert watch.synced.wait(10)
    emulator.start()
    assert looked.wait(10)
    watch.stop()
    assert any("url" not in status and "ca" not in status and status["status"] == "Pending" for status in seen)
    after = place.get(api.GRANT, "kept")["status"]
    assert {field: after[field] for field in ("url", "code", "ca")} == {
        field: before[field] for field in ("url", "code", "ca")
    }
    make_token(sites[1], "kept", place.get(api.GRANT, "kept"))
    sites[1].wait(api.LINK, "kept")


def test_links_survive_a_restart(sites: list[Place], emulator: Emulator) -> None:
    make_link(sites, "standby")
    emulator.stop()
    emulator.start()
    make_link(sites, "another")
    assert sites[1].get(api.LINK, "standby")["status"]["status"] == "Ready"


def test_no_code_and_no_key_is_ever_logged(sites: list[Place], emulator: Emulator) -> None:
    make_link(sites, "standby")
    log = emulator.log()
    assert "standby" in log
    assert sites[0].get(api.GRANT, "standby")["status"]["code"] not in log
    with contextlib.suppress(KeyError):
        assert sites[1].get(api.SECRET, "standby")["data"]["tls.key"] not in log
    assert "PRIVATE KEY" not in log
