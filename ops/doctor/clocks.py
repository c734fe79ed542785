"""Clocks: a grant's expiry is judged by the primary's cluster, the standby's, and whoever reads it in Vault.

Owns the comparison of the dates that servers put into their answers. A tenth of the expiration window is what a
rotation can lose and still work: the window is for a person, or a pipeline, to run `up` in.
"""

from collections.abc import Callable, Iterator

from components.settings.formats import duration_seconds
from ops.clusters import ClockReading
from ops.doctor.finding import Finding, error, ok, unknown
from ops.doctor.scene import Scene

SUBJECT = "clocks"

SHARE = 10
"""How many parts a window has of which one may be lost."""

PRECISION = 2.0
"""Seconds by which two clocks may seem apart: each server cuts its time to seconds, and a request takes a while."""


def check(scene: Scene) -> Iterator[Finding]:
    """The primary against Vault; a standby against its primary."""
    if scene.settings.role == "primary":
        windows = [_seconds(one.expiration_window) for one in scene.settings.standbys.values()]
        if windows:
            yield _compare(scene, scene, "Vault", _vaults(scene), min(windows))
        return
    primary = scene.primary
    if primary is None:
        stack = scene.settings.primary_stack
        fix = f"python -m ops doctor -s {stack} -s {scene.stack}, from the folder that has both stack files"
        yield unknown(SUBJECT, f"The clock of the primary's cluster is not known: {stack} has no settings here.", fix)
        return
    standby = primary.settings.standbys.get(scene.settings.site)
    if standby is None:
        # Said by peer.py.
        return
    window = _seconds(standby.expiration_window)
    yield _compare(scene, primary, f"Context {scene.settings.cluster.context}", _clusters(scene), window)


def _compare(
    scene: Scene, primary: Scene, title: str, reading: Callable[[], ClockReading | None], window: float
) -> Finding:
    here, there = reading(), _clusters(primary)()
    context = primary.settings.cluster.context
    if here is None or there is None:
        return unknown(SUBJECT, f"{title} or context {context} sends no date.", f"{scene.cli} get --raw /version -v 8")
    apart = here.ahead - there.ahead
    allowed = window / SHARE
    if abs(apart) <= PRECISION:
        return ok(SUBJECT, f"{title} and context {context} agree to within {PRECISION:g} s.")
    direction = "ahead of" if apart > 0 else "behind"
    sentence = f"{title} is {abs(apart):.0f} s {direction} context {context}"
    if abs(apart) <= allowed:
        return ok(SUBJECT, f"{sentence}; up to {allowed:.0f} s are harmless.")
    return error(
        SUBJECT,
        f"{sentence}, more than a tenth of the expiration window ({window:.0f} s): a grant may be called expired.",
        "synchronize both (chronyc tracking on the nodes), or a longer expirationWindow",
    )


def _clusters(scene: Scene) -> Callable[[], ClockReading | None]:
    def read() -> ClockReading | None:
        cluster = scene.cluster()
        cluster.get("/version")
        return cluster.clock

    return read


def _vaults(scene: Scene) -> Callable[[], ClockReading | None]:
    def read() -> ClockReading | None:
        vault = scene.vault()
        vault.health()
        return vault.clock

    return read


def _seconds(duration: str) -> float:
    return float(duration_seconds(duration) or 0)
