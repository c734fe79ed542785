"""What a run does to resources, in which order, and what the state remembers."""

import threading

import pytest

from lab.engine.errors import NoChangesExpectedError
from tests.unit.engine.bench import Bench

CHAIN = """
a = Thing("a", value="1")
b = Thing("b", value=a.code)
c = Thing("c", value="3", opts=options(depends_on=[b]))
pulumi.export("code", c.code)
"""


def test_resources_are_made_after_what_they_need(bench: Bench) -> None:
    assert bench.up(CHAIN) == ["create a", "create b", "create c"]
    assert bench.names() == ["a", "b", "c"]
    assert bench.cloud.things["id-2"]["value"] == "code-1"


def test_an_unchanged_program_asks_nothing_of_the_provider(bench: Bench) -> None:
    bench.up(CHAIN)
    assert bench.up(expect_no_changes=True) == []
    assert bench.error is None
    assert bench.counts == {"same": 4}


def test_expect_no_changes_fails_where_something_changed(bench: Bench) -> None:
    bench.up('Thing("a", value="1")')
    bench.up('Thing("a", value="2")', expect_no_changes=True)
    assert isinstance(bench.error, NoChangesExpectedError)
    assert bench.error.exit_code == 7


def test_a_preview_changes_nothing_and_leaves_unknown_values_unknown(bench: Bench) -> None:
    assert bench.preview(CHAIN) == []
    assert bench.cloud.things == {}
    assert bench.saved() == {}
    assert bench.counts == {"create": 4}
    assert "code: [unknown]" in bench.text


def test_a_change_that_needs_no_other_resource_is_an_update(bench: Bench) -> None:
    bench.up('Thing("a", value="1")')
    assert bench.up('Thing("a", value="2")') == ["update a"]
    assert bench.resource("a")["id"] == "id-1"


def test_a_replacement_is_made_first_and_the_old_one_goes_after_its_dependents_moved(bench: Bench) -> None:
    program = 'a = Thing("a", fixed={0!r}); Thing("b", value=a.code)'
    bench.up(program.format("1"))
    assert bench.up(program.format("2")) == ["create a", "update b", "delete a"]
    assert bench.cloud.things.keys() == {"id-3", "id-2"}
    assert bench.counts == {"same": 1, "replace": 1, "update": 1}


def test_the_old_one_survives_a_failure_in_between_and_goes_with_the_next_run(bench: Bench) -> None:
    program = 'a = Thing("a", fixed={0!r}); Thing("b", value=a.code, fail={1!r})'
    bench.up(program.format("1", ""))
    assert bench.up(program.format("2", "update")) == ["create a", "update b"]
    assert len(bench.cloud.things) == 3
    assert bench.up(program.format("2", "")) == ["update b", "delete a"]


def test_delete_before_replace_takes_dependents_along_that_would_be_replaced(bench: Bench) -> None:
    program = """
    a = Thing("a", fixed={0!r}, opts=options(delete_before_replace=True))
    Thing("tied", fixed=a.code)
    Thing("loose", value=a.code)
    """
    bench.up(program.format("1"))
    calls = bench.up(program.format("2"))
    assert calls[:3] == ["delete tied", "delete a", "create a"]
    assert sorted(calls[3:]) == ["create tied", "update loose"]
    assert bench.error is None


def test_the_provider_can_ask_for_deletion_first(bench: Bench) -> None:
    bench.up('Thing("a", fixed="1", exclusive=True)')
    assert bench.up('Thing("a", fixed="2", exclusive=True)') == ["delete a", "create a"]


def test_what_was_deleted_to_be_replaced_is_made_by_the_next_run_if_this_one_failed(bench: Bench) -> None:
    bench.up('Thing("a", fixed="1", exclusive=True)')
    bench.up('Thing("a", fixed="2", exclusive=True, fail="create")')
    assert bench.resource("a")["pendingReplacement"] is True
    assert bench.up('Thing("a", fixed="2", exclusive=True)') == ["create a"]
    assert bench.names() == ["a"]


def test_what_was_deleted_to_be_replaced_is_forgotten_if_it_is_no_longer_wanted(bench: Bench) -> None:
    bench.up('Thing("a", fixed="1", exclusive=True)')
    bench.up('Thing("a", fixed="2", exclusive=True, fail="create")')
    assert bench.up("") == []
    assert bench.names() == []


def test_resources_that_the_program_no_longer_has_are_deleted_dependents_first(bench: Bench) -> None:
    bench.up(CHAIN)
    assert bench.up("") == ["delete c", "delete b", "delete a"]
    assert bench.names() == []


def test_destroy_deletes_dependents_first_and_leaves_an_empty_state(bench: Bench) -> None:
    bench.up(CHAIN)
    assert bench.destroy() == ["delete c", "delete b", "delete a"]
    assert "resources" not in bench.saved()


def test_independent_resources_are_deleted_in_parallel(bench: Bench) -> None:
    bench.up('Thing("a", hold="delete"); Thing("b", hold="delete")')
    run = threading.Thread(target=bench.destroy)
    run.start()
    while len(bench.cloud.calls) < 2 and run.is_alive():
        run.join(0.02)
    together = sorted(bench.cloud.calls)
    bench.cloud.released.set()
    run.join()
    assert together == ["delete a", "delete b"]
    assert bench.error is None


def test_independent_resources_are_made_in_parallel(bench: Bench) -> None:
    program = "\n".join(f'Thing("t{i}", hold="create")' for i in range(12))
    done = threading.Thread(target=bench.up, args=(program,))
    done.start()
    assert bench.cloud.begun.wait(30)
    while len(bench.cloud.calls) < 12 and done.is_alive():
        done.join(0.02)
    together = len(bench.cloud.calls)
    bench.cloud.released.set()
    done.join()
    assert together == 12


def test_protected_resources_refuse_deletion_and_replacement(bench: Bench) -> None:
    bench.up('Thing("a", fixed="1", opts=options(protect=True)); Thing("b")')
    assert bench.up('Thing("a", fixed="2", opts=options(protect=True)); Thing("b")') == []
    assert "unable to replace resource" in bench.text
    assert bench.destroy() == ["delete b"]
    assert "cannot be deleted\n    because it is protected" in bench.text
    assert bench.names() == ["a"]


def test_exclude_protected_destroys_all_but_protected_resources_and_what_they_need(bench: Bench) -> None:
    bench.up('n = Thing("n"); Thing("a", value=n.code, opts=options(protect=True)); Thing("b", value=n.code)')
    assert bench.destroy(exclude_protected=True) == ["delete b"]
    assert bench.error is None
    assert bench.names() == ["n", "a"]


def test_retained_resources_are_forgotten_and_not_deleted(bench: Bench) -> None:
    bench.up('Thing("a", opts=options(retain_on_delete=True))')
    assert bench.up("") == []
    assert bench.cloud.things.keys() == {"id-1"}
    assert bench.names() == []


def test_a_resource_deleted_with_another_is_not_deleted_itself(bench: Bench) -> None:
    bench.up('a = Thing("a"); Thing("b", opts=options(deleted_with=a))')
    assert bench.destroy() == ["delete a"]


def test_ignored_changes_are_no_changes(bench: Bench) -> None:
    program = (
        'Thing("a", value={0!r}, nested={{"x": {0!r}, "y": 1}}, opts=options(ignore_changes=["value", "nested.x"]))'
    )
    bench.up(program.format("1"))
    assert bench.up(program.format("2"), expect_no_changes=True) == []
    assert bench.error is None
    assert bench.resource("a")["inputs"] == {"value": "1", "nested": {"x": "1", "y": 1}}


def test_replace_on_changes_turns_an_update_into_a_replacement(bench: Bench) -> None:
    program = 'Thing("a", value={0!r}, opts=options(replace_on_changes=["value"]))'
    bench.up(program.format("1"))
    assert bench.up(program.format("2")) == ["create a", "delete a"]


def test_a_replacement_trigger_replaces_when_its_value_changes(bench: Bench) -> None:
    program = 'Thing("a", opts=options(replacement_trigger={0}))'
    bench.up(program.format(1))
    assert bench.up(program.format(1)) == []
    assert bench.up(program.format(2)) == ["create a", "delete a"]


def test_replacements_can_be_asked_for_by_urn(bench: Bench) -> None:
    bench.up('Thing("a")')
    assert bench.up(replacements=("urn:pulumi:dev::proj::fake:index:Thing::a",)) == ["create a", "delete a"]


def test_only_targets_take_part(bench: Bench) -> None:
    bench.up('Thing("a", value="1"); Thing("b", value="1")')
    program = 'Thing("a", value="2"); Thing("b", value="2"); Thing("c")'
    assert bench.up(program, targets=("**Thing::b",)) == ["update b"]
    assert sorted(bench.names()) == ["a", "b"]
    assert bench.resource("a")["inputs"] == {"value": "1"}


def test_an_alias_keeps_a_renamed_resource_and_its_children(bench: Bench) -> None:
    component = """
    class Part(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("proj:index:Part", name, {{}}, opts)
            self.thing = Thing(f"{{name}}-thing", opts=options(parent=self))
            self.register_outputs({{"code": self.thing.code}})

    part = Part({0!r}, options(aliases={1}))
    Thing("after", value=part.thing.code)
    """
    bench.up(component.format("old", "[]"))
    assert bench.up(component.format("new", "[pulumi.Alias(name='old')]")) == []
    assert bench.error is None
    assert "old" not in bench.file()
    assert bench.up(component.format("new", "[]"), expect_no_changes=True) == []
    assert bench.error is None


def test_a_failure_stops_what_has_not_begun_and_lets_the_rest_finish(bench: Bench) -> None:
    calls = bench.up('a = Thing("a", fail="create"); Thing("b", value=a.code); Thing("c")')
    assert "create b" not in calls
    assert bench.error is not None
    assert "error: the cloud cannot create this" in bench.text
    assert "a" not in bench.names()
    assert "pending_operations" not in bench.saved()


def test_an_unready_resource_is_kept_and_the_next_run_goes_on_with_it(bench: Bench) -> None:
    bench.up('Thing("a", unready=True)')
    assert bench.resource("a")["initErrors"] == ["it is not ready"]
    assert "1 error occurred:\n    \t* it is not ready" in bench.text
    bench.cloud.ready = True
    assert bench.up() == ["update a"]
    assert "initErrors" not in bench.resource("a")


def test_replace_on_all_changes_also_replaces_an_unready_resource(bench: Bench) -> None:
    program = 'Thing("a", unready=True, opts=options(replace_on_changes=["*"]))'
    bench.up(program)
    bench.cloud.ready = True
    assert bench.up() == ["create a", "delete a"]


def test_refused_inputs_name_resource_property_and_reason(bench: Bench) -> None:
    assert bench.up('Thing("a", value="refused")') == []
    assert "fake:index:Thing resource 'a': property value value {refused} has a problem: it is refused" in bench.text


def test_a_refresh_takes_over_what_really_is_and_the_next_run_repairs_it(bench: Bench) -> None:
    bench.up('Thing("a", value="1"); Thing("b", value="1")')
    bench.cloud.things["id-1"]["value"] = "drifted"
    del bench.cloud.things["id-2"]
    bench.refresh()
    assert bench.counts["update"] + bench.counts["delete"] == 2
    assert len(bench.names()) == 1
    assert bench.error is None
    assert sorted(bench.up()) == ["create b", "update a"] or sorted(bench.cloud.calls) == ["create a", "update b"]


def test_a_refresh_forgets_references_to_what_is_gone(bench: Bench) -> None:
    bench.up('a = Thing("a"); Thing("b", value=a.code)')
    bench.cloud.things.pop("id-1")
    bench.refresh()
    assert bench.resource("b").get("dependencies", []) == []


def test_up_with_refresh_repairs_drift_in_one_go(bench: Bench) -> None:
    bench.up('Thing("a", value="1")')
    bench.cloud.things["id-1"]["value"] = "drifted"
    assert bench.up(refresh=True) == ["read a", "update a"]
    assert bench.cloud.things["id-1"]["value"] == "1"
    assert bench.counts == {"same": 1, "update": 1}


def test_a_refresh_that_only_previews_writes_nothing(bench: Bench) -> None:
    bench.up('Thing("a", value="1")')
    before = bench.file()
    bench.cloud.things.clear()
    bench.refresh(preview=True)
    assert bench.counts["delete"] == 1
    assert bench.file() == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_resource_read_by_id_is_looked_at_in_every_run(bench: Bench, exists: bool) -> None:
    program = (
        'a = Thing("a"); r = Thing("again", opts=options(id="id-1" if {0} else "id-9")); pulumi.export("c", r.code)'
    )
    bench.up('Thing("a")')
    calls = bench.up(program.format(exists))
    assert calls == ["read again"]
    if exists:
        assert bench.resource("again")["external"] is True
        assert bench.outputs()["c"] == "code-1"
        assert bench.destroy() == ["delete a"]
    else:
        assert "error: resource 'id-9' does not exist" in bench.text


def test_an_id_that_is_not_known_yet_is_not_read_in_a_preview(bench: Bench) -> None:
    assert bench.preview('a = Thing("a"); Thing("again", opts=options(id=a.id))') == []
    assert bench.error is None
    assert bench.up() == ["create a", "read again"]
