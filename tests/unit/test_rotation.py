"""The arithmetic of a rotation's time line, its numbers, and the choice of whom to rotate."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from components.link.rotation import grant_name, token_name
from lab.commands import rotations as commands
from lab.commands.app import app
from lab.environment import Environment
from lab.home import Home, LabError
from lab.kube import Manifest
from lab.rotation import objects
from lab.rotation.rotate import Rotation, chosen
from lab.rotation.soak import Soak, is_flat
from lab.rotation.timeline import Event, Gap, What, gaps, milliseconds, standing, told
from lab.rotation.watching import Recorder
from lab.stacks import Stack, rotations
from lab.stacks.overrides import overrides
from tests.unit.watches import Client

PRIMARY = Stack(
    "site-a",
    {
        "rhsi:role": "primary",
        "rhsi:cluster": {"context": "site-a"},
        "rhsi:standbys": {"site-b": {"rotation": 3, "redemptions": 2}, "site-c": None},
    },
)
STANDBY = Stack("site-b", {"rhsi:role": "standby", "rhsi:primaryStack": "organization/rhsi/site-a"})


def link(at: float, uid: str, what: What, *, ready: bool = False, kind: str = "Link") -> Event:
    return Event(at=at, stack="site-b", kind=kind, name=f"name-{uid}", uid=uid, what=what, ready=ready)


def test_make_before_break_leaves_no_gap() -> None:
    events = [
        link(3, "old", "stood", ready=True),
        link(100, "new", "created"),
        link(200, "new", "changed", ready=True),
        link(300, "old", "changed"),
        link(301, "old", "deleted"),
    ]
    assert gaps(events, "Link", 1000) == []
    assert milliseconds(gaps(events, "Link", 1000)) == 0


def test_break_before_make_is_a_gap_from_the_last_ready_link_to_the_next() -> None:
    events = [
        link(0, "old", "stood", ready=True),
        link(100, "old", "deleted"),
        link(150, "new", "created"),
        link(250.5, "new", "changed", ready=True),
    ]
    assert gaps(events, "Link", 1000) == [Gap(100, 250.5)]
    assert milliseconds(gaps(events, "Link", 1000)) == 151


def test_a_link_that_is_not_ready_for_a_while_or_is_being_deleted_is_no_link() -> None:
    events = [
        link(0, "old", "stood", ready=True),
        link(100, "old", "changed"),
        link(120, "old", "changed", ready=True),
        link(200, "old", "changed"),
    ]
    assert gaps(events, "Link", 300) == [Gap(100, 120), Gap(200, 300)]


def test_no_ready_link_at_all_is_a_gap_of_the_whole_time() -> None:
    assert gaps([], "Link", 500) == [Gap(0, 500)]
    assert gaps([link(5, "a", "stood"), link(6, "s", "stood", ready=True, kind="Secret")], "Link", 500) == [Gap(0, 500)]


def test_what_stood_at_the_beginning_counts_from_the_beginning_and_what_came_later_from_then() -> None:
    assert gaps([link(8, "a", "stood"), link(9, "b", "stood", ready=True)], "Link", 500) == []
    assert gaps([link(8, "a", "created", ready=True)], "Link", 500) == [Gap(0, 8)]


def test_a_gap_too_short_for_the_clock_still_counts_as_a_millisecond() -> None:
    events = [
        link(0, "old", "stood", ready=True),
        link(100, "old", "deleted"),
        link(100, "new", "changed", ready=True),
    ]
    assert milliseconds(gaps(events, "Link", 1000)) == 1


def test_a_namesake_is_another_object() -> None:
    old, new = (Event(at=0, stack="b", kind="Job", name="claim", uid=uid, what="created") for uid in ("1", "2"))
    gone = Event(at=1, stack="b", kind="Job", name="claim", uid="1", what="deleted")
    assert standing([old, new, gone]) == {"Job": ["claim"]}
    assert standing([old, gone]) == {"Job": []}


def test_only_what_tells_something_new_is_told() -> None:
    events = [
        link(1, "a", "created"),
        link(2, "a", "changed"),
        link(3, "a", "changed", ready=True),
        link(4, "a", "changed", ready=True),
        link(5, "a", "deleted"),
    ]
    assert [event.at for event in told(events)] == [1, 3, 5]


def rotation(counts: dict[str, int], without: list[Gap]) -> Rotation:
    objects_there = {kind: [str(number) for number in range(count)] for kind, count in counts.items()}
    return Rotation("site-b", 2, 1000.0, [], without, objects_there)


ONE_EACH = dict.fromkeys(objects.COUNTED, 1)


def test_a_rotation_is_well_with_one_object_of_each_kind_and_no_gap() -> None:
    found = rotation(ONE_EACH, [])
    assert found.ok
    assert found.document()["without_ready_link_ms"] == 0


@pytest.mark.parametrize("kind", objects.COUNTED)
@pytest.mark.parametrize("count", [0, 2])
def test_a_rotation_that_leaves_none_or_two_of_a_kind_is_not_well(kind: str, count: int) -> None:
    assert not rotation({**ONE_EACH, kind: count}, []).ok


def test_a_rotation_with_a_gap_is_not_well() -> None:
    assert not rotation(ONE_EACH, [Gap(1, 1)]).ok


def test_the_names_are_those_that_the_program_gives() -> None:
    watched = {one.kind.name: one for one in objects.of(PRIMARY, STANDBY)}
    assert watched["AccessGrant"].has(grant_name("site-b", 12))
    assert not watched["AccessGrant"].has(grant_name("site-bb", 12))
    for kind in ("AccessToken", "Link", "Secret"):
        assert watched[kind].has(token_name(12))
        assert watched[kind].has(f"{token_name(12)}-2")
        for foreign in ("my-link", "standby-from-vault-x", "standby-from-vault", "standby-from-vault-1-2-3"):
            assert not watched[kind].has(foreign)


def condition(kind: str, status: str = "True", reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": reason}]}


@pytest.mark.parametrize(
    ("kind", "item", "ready", "state"),
    [
        ("Link", {"status": {**condition("Ready"), "status": "Ready"}}, True, "Ready"),
        ("Link", {"status": {**condition("Ready", "False"), "status": "Error"}}, False, "Error"),
        ("Link", {}, False, "Pending"),
        ("Job", {"status": condition("Complete")}, True, "Complete"),
        ("Job", {"status": condition("Failed")}, False, "Failed"),
        ("Job", {}, False, "running"),
        ("AccessToken", {"status": condition("Redeemed")}, True, "redeemed"),
        ("AccessToken", {}, False, "not redeemed"),
        ("AccessGrant", {"spec": {"redemptionsAllowed": 2}}, False, "Pending, redeemed 0 of 2"),
        ("ExternalSecret", {"status": condition("Ready", "True", "SecretSynced")}, True, "for grant ?: SecretSynced"),
        ("Secret", {}, True, ""),
    ],
)
def test_an_objects_state_is_read_from_its_conditions(kind: str, item: Manifest, ready: bool, state: str) -> None:
    found = {"metadata": {}, **item}
    assert (objects.is_ready(kind, found), objects.state(kind, found)) == (ready, state)
    deleted = {**found, "metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"}}
    assert (objects.is_ready(kind, deleted), objects.state(kind, deleted)) == (False, "being deleted")


def test_a_recorder_tells_what_stood_what_happened_and_begins_anew_with_what_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def claimed(number: int, version: int, ready: str) -> Manifest:
        status = {"status": "any", "conditions": [{"type": "Ready", "status": ready}]}
        name = token_name(number)
        metadata = {"namespace": "rhsi", "name": name, "uid": f"uid-{number}", "resourceVersion": str(version)}
        return {"metadata": metadata, "status": status}

    foreign = {"metadata": {"namespace": "rhsi", "name": "my-link", "uid": "x", "resourceVersion": "2"}}
    happened = [
        {"type": "ADDED", "object": claimed(2, 11, "False")},
        {"type": "MODIFIED", "object": claimed(2, 12, "True")},
        {"type": "DELETED", "object": claimed(1, 13, "True")},
    ]
    client = Client([[claimed(1, 1, "True"), foreign]], [happened])
    monkeypatch.setattr("lab.rotation.watching.connect", lambda *_, **__: client)
    links = next(one for one in objects.of(PRIMARY, STANDBY) if one.kind.name == "Link")
    with Recorder(cast("Environment", SimpleNamespace(kubeconfig="")), [links]) as recorder:
        assert recorder.wait_for(lambda events: len(events) == 4, 10)
        told_of = [(event.uid, event.what, event.ready) for event in recorder.events()]
        recorder.cut()
        stands = [(event.uid, event.what, event.at) for event in recorder.events()]
    assert told_of == [
        ("uid-1", "stood", True),
        ("uid-2", "created", False),
        ("uid-2", "changed", True),
        ("uid-1", "deleted", False),
    ]
    assert stands == [("uid-2", "stood", 0.0)]


def test_the_higher_rotation_wins_and_the_other_settings_stay() -> None:
    standbys = PRIMARY.section("standbys")
    merged = {"site-b": {"rotation": 7, "redemptions": 2}, "site-c": {"rotation": 2}}
    assert rotations.merge(standbys, {"site-b": 7, "site-c": 2, "gone": 9}) == merged
    assert rotations.merge(standbys, {"site-b": 2})["site-b"] == {"rotation": 3, "redemptions": 2}
    assert rotations.merge(standbys, {}) == standbys


@pytest.mark.parametrize("wrong", ["2", 1.5, True])
def test_a_rotation_that_is_no_number_stays_for_the_program_to_refuse(wrong: object) -> None:
    assert rotations.merge({"site-b": {"rotation": wrong}}, {"site-b": 7}) == {"site-b": {"rotation": wrong}}
    assert rotations.merge({"site-b": "nonsense"}, {"site-b": 7}) == {"site-b": "nonsense"}


def test_the_numbers_are_kept_in_the_labs_home_for_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert rotations.load(home) == {}
    rotations.save(home, {"site-b": 4})
    assert rotations.load(home) == {"site-b": 4}
    assert (tmp_path / rotations.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "[1]", '{"site-b": "x"}'])
def test_a_damaged_file_of_numbers_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / rotations.FILE).write_text(text)
    with pytest.raises(LabError, match=r"rotations\.json holds no rotation numbers .*: delete it"):
        rotations.load(Home(tmp_path))


def test_the_labs_numbers_reach_the_primarys_settings_only(tmp_path: Path) -> None:
    lab = Environment(
        root=tmp_path,
        without=frozenset(),
        contexts=("site-a", ""),
        kubeconfig="",
        api_servers={"site-a": "https://a", "": "https://b"},
        api_authorities={},
        vault_addr="https://vault",
        vault_cacert=None,
        vault_token_file=None,
    )
    assert "rhsi:standbys" not in overrides(PRIMARY, lab)
    rotations.save(Home(tmp_path), {"site-b": 5})
    assert overrides(PRIMARY, lab)["rhsi:standbys"]["site-b"] == {"rotation": 5, "redemptions": 2}
    assert "rhsi:standbys" not in overrides(STANDBY, lab)


def state_of_the_primary(home: Home, rotation: int) -> None:
    """A state of site-a whose outputs have this rotation of site-b."""
    outputs = {"standbys": {"site-b": {"rotation": rotation}}}
    resources = [{"urn": "stack", "type": "pulumi:pulumi:Stack", "outputs": outputs}]
    file = home.folder("state", ".pulumi", "stacks", "rhsi") / "site-a.json"
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


@pytest.mark.parametrize(("given", "stands", "expected"), [(0, 0, 4), (7, 0, 8), (0, 9, 10), (7, 9, 10), (2, 1, 4)])
def test_a_rotation_counts_on_from_the_highest_of_file_lab_and_what_stands(
    tmp_path: Path, given: int, stands: int, expected: int
) -> None:
    home = Home(tmp_path)
    rotations.save(home, {"site-b": given, "other": 5})
    state_of_the_primary(home, stands)
    assert rotations.count_on(home, PRIMARY, ["site-b"]) == {"site-b": expected}
    assert rotations.load(home) == {"site-b": expected, "other": 5}


@pytest.mark.parametrize("wrong", ["2", 1.5, True])
def test_a_rotation_that_is_no_number_is_refused_and_nothing_is_counted(tmp_path: Path, wrong: object) -> None:
    settings = {"site-b": {"rotation": 1}, "site-c": {"rotation": wrong}}
    primary = Stack("site-a", {**PRIMARY.config, "rhsi:standbys": settings})
    with pytest.raises(LabError, match=r"Pulumi\.site-a\.yaml has rotation .* for site-c: make it a whole number"):
        rotations.count_on(Home(tmp_path), primary, ["site-b", "site-c"])
    assert rotations.load(Home(tmp_path)) == {}


def test_who_edits_the_stack_file_is_told_where_the_lab_is_ahead_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert rotations.ahead(home, PRIMARY) == []
    for number, said in {
        5: "This run uses rotation 5 of site-b, to which `python -m lab rotate` has counted already, where "
        "Pulumi.site-a.yaml says 3. Write 6 there for the next rotation, or run `rotate` again.",
        3: "This run uses rotation 3 of site-b, to which `python -m lab rotate` has counted already, as "
        "Pulumi.site-a.yaml says now. Write 4 there for the next rotation, or run `rotate` again.",
    }.items():
        rotations.save(home, {"site-b": number, "gone": 9})
        assert rotations.ahead(home, PRIMARY) == [said]
    rotations.save(home, {"site-b": 2})
    assert rotations.ahead(home, PRIMARY) == [], "the file's number counts"


def test_a_number_that_the_file_has_reached_is_the_files_from_then_on(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rotations.save(home, {"site-b": 4, "site-c": 1, "other": 9})
    rotations.forget_reached(home, PRIMARY)
    assert rotations.load(home) == {"site-b": 4, "other": 9}


def test_a_standby_is_chosen_by_its_site_or_its_stack() -> None:
    named = Stack("b", {**STANDBY.config, "rhsi:site": "site-c"})
    stacks = [PRIMARY, STANDBY, named]
    assert chosen(stacks, []) == (PRIMARY, [STANDBY, named])
    assert chosen(stacks, ["site-c"]) == chosen(stacks, ["b"]) == (PRIMARY, [named])


@pytest.mark.parametrize(
    ("stacks", "names", "message"),
    [
        ([PRIMARY, STANDBY], ["site-x"], "There is no standby 'site-x': the checkout's standbys are site-b"),
        ([PRIMARY, STANDBY], ["site-a"], "There is no standby 'site-a'"),
        ([PRIMARY], [], "needs the stack files of a primary and of a standby"),
        ([PRIMARY, Stack("d", STANDBY.config)], [], r"Pulumi\.site-a\.yaml has no rhsi:standbys\.d: add it"),
        ([PRIMARY, Stack("d", {"rhsi:primaryStack": "e"})], [], "The primaries of these standbys are e: choose"),
    ],
)
def test_nobody_to_rotate_is_one_sentence(stacks: list[Stack], names: list[str], message: str) -> None:
    with pytest.raises(LabError, match=message):
        chosen(stacks, names)


def test_memory_is_flat_as_long_as_the_end_is_not_a_tenth_above_the_second_quarter() -> None:
    assert is_flat([50.0, 80.0, *[100.0] * 20])
    assert is_flat([100.0] * 10 + [109.0] * 10)
    assert not is_flat([100.0 + 2 * number for number in range(20)])
    assert is_flat([1.0, 100.0]), "two samples tell nothing"


def soaked(**change: Any) -> Soak:
    figures: dict[str, Any] = {
        "before": {"site-b Link": 1},
        "after": {"site-b Link": 1},
        "memory": {"pods": [10.0, 11.0], "openbao": [30.0, 32.0]},
        "seconds": [5.0],
        "without_link_ms": [0],
    }
    return Soak(**(figures | change))


def test_a_soak_adds_up_its_processes_and_says_what_is_wrong() -> None:
    assert soaked().totals == [40.0, 43.0]
    assert soaked().ok
    assert not soaked(failed=[7]).ok
    assert not soaked(after={"site-b Link": 2}).ok
    assert not soaked(memory={"pods": [float(2**number) for number in range(12)]}).ok
    figures = cast("dict[str, Any]", soaked().document()["memory_mib"])
    assert figures["all"] == {"first": 40.0, "median": 41.5, "last": 43.0, "highest": 43.0}


class Rotated:
    """Stands in for a Rotator, and gives what it was told."""

    def __init__(self, result: Rotation) -> None:
        self.result = result

    def __enter__(self) -> "Rotated":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def rotate(self) -> list[Rotation]:
        return [self.result]


@pytest.mark.parametrize(("without", "code"), [([], 0), ([Gap(10, 20)], 1)])
@pytest.mark.parametrize("option", [[], ["--json"]], ids=["table", "json"])
def test_the_command_fails_where_no_link_was_ready_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, without: list[Gap], code: int, option: list[str]
) -> None:
    monkeypatch.setattr(commands, "ready_to_rotate", lambda *_, **__: None)
    monkeypatch.setattr("lab.rotation.rotate.Rotator", lambda *_, **__: Rotated(rotation(ONE_EACH, without)))
    done = CliRunner().invoke(app, ["rotate", "--times", "2", *option])
    assert done.exit_code == code, done.output
    if option:
        assert [one["without_ready_link_ms"] for one in json.loads(done.stdout)] == [10 * code] * 2
    else:
        assert done.stdout.count(f" {10 * code} ms ") == 2
