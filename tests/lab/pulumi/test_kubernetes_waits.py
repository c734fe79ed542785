"""Waits of the kubernetes provider on a real API server: fulfilled, in vain, interrupted, killed."""

import signal

import pytest

from tests.lab.pulumi.deployments import interrupt, read_until
from tests.lab.pulumi.site import READY, WAITING, Site

pytestmark = pytest.mark.lab


def test_a_wait_ends_when_conditions_and_paths_hold_and_the_status_stays_secret(site: Site) -> None:
    def make_ready() -> None:
        for widget in site.appearing("Widget"):
            site.set_status("Widget", widget["metadata"]["name"], READY)
            return

    thread = site.in_background(make_ready)
    site.deployment.up(WAITING % 60)
    thread.join()
    assert site.deployment.outputs() == {"code": "hush"}
    assert "hush" not in site.deployment.text.replace('"code": "hush"', "")
    assert "hush" not in str(site.deployment.state())


def test_a_wait_in_vain_keeps_the_object_and_the_next_run_goes_on(site: Site) -> None:
    text = site.deployment.up(WAITING % 2, code=1)
    assert "was successfully created, but the Kubernetes API server reported that it failed to fully initialize" in text
    assert "timed out waiting for the condition" in text
    assert site.deployment.resource("w")["initErrors"]
    uid = site.get("Widget", "w")["metadata"]["uid"]
    site.set_status("Widget", "w", READY)
    assert "~ 1 updated" in site.deployment.up()
    assert "initErrors" not in site.deployment.resource("w")
    assert site.get("Widget", "w")["metadata"]["uid"] == uid


def test_a_refresh_forgives_an_unready_object(site: Site) -> None:
    site.deployment.up(WAITING % 2, code=1)
    site.deployment.run("refresh", "--yes", "--skip-preview")
    assert site.deployment.code == 0
    assert "initErrors" not in site.deployment.resource("w")


def test_an_old_status_is_known_in_the_preview_of_an_update(site: Site) -> None:
    program = 'w = Widget("w", spec={{"size": {0}}}, opts=options()); pulumi.export("code", w.status["code"])'
    site.deployment.up('Widget("w", spec={"size": 1}, opts=options())')
    site.set_status("Widget", "w", READY)
    site.deployment.run("refresh", "--yes", "--skip-preview")
    assert 'code: "hush"' in site.deployment.preview(program.format(2))


def test_deletion_waits_for_what_the_object_owns(site: Site) -> None:
    site.deployment.up('Widget("w", opts=options(custom_timeouts=timeouts(3)))')
    site.patch("Widget", "w", {"metadata": {"finalizers": ["widgets.test/hold"]}})
    site.deployment.run("destroy", "--yes", "--skip-preview")
    assert site.deployment.code == 1
    assert "timed out waiting for the condition" in site.deployment.text
    assert "finalizers might be preventing deletion" in site.deployment.text
    site.patch("Widget", "w", {"metadata": {"finalizers": []}})
    site.deployment.destroy()
    assert site.find("Widget", "w") is None


def test_an_interrupted_wait_ends_soon_keeps_what_was_made_and_frees_the_stack(site: Site) -> None:
    process = site.deployment.begin(WAITING % 120)
    read_until(process, "Widget w creating")
    rest = interrupt(process)
    assert process.returncode == 1
    assert "^C received; cancelling." in rest
    assert "context canceled" in rest
    assert "pending_operations" not in site.deployment.state()
    assert site.deployment.resource("w")["initErrors"]
    site.set_status("Widget", "w", READY)
    site.deployment.up()


def test_a_killed_run_leaves_a_lock_and_a_pending_operation_and_can_be_repeated(site: Site) -> None:
    process = site.deployment.begin(WAITING % 120)
    for widget in site.appearing("Widget"):
        assert widget["metadata"]["name"] == "w"
        break
    interrupt(process, signal.SIGKILL)
    assert "the stack is currently locked by 1 lock(s)" in site.deployment.up(code=1)
    site.deployment.run("cancel", "--yes")
    site.set_status("Widget", "w", READY)
    text = site.deployment.up()
    assert "interrupted while creating" in text
    assert site.deployment.resource("w")["id"] == f"{site.namespace}/w"
    site.deployment.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert "pending_operations" not in site.deployment.state()
