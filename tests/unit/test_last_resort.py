"""What nobody expected: a bug of the program ends in one sentence, wherever it is, and shows no value."""

import asyncio
import logging
import runpy
import sys
from collections.abc import Callable
from typing import Any

import grpc
import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

import components
from components import last_resort
from components.component import Component
from components.link.rotation import superseded
from lab.home import CHECKOUT
from tests.unit.event_loop import run

SECRET = "-".join(["text", "of", "a", "secret"])


class _Engine(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return args.name, dict(args.inputs)

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def ending(program: Callable[[], object]) -> str:
    """The error of a program that runs as Pulumi's executor runs it."""
    # As the executor does: a program that fails leaves futures that nobody looks at.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    pulumi.runtime.set_mocks(_Engine(), project="rhsi", stack="site-b", preview=True)

    def guarded() -> None:
        with last_resort.sentences():
            program()

    try:
        with pytest.raises(pulumi.RunError) as error:
            pulumi.runtime.test(guarded)()
    finally:
        # All tests share the loop.
        asyncio.get_event_loop().set_task_factory(None)
    return str(error.value)


def fail(_: object = None) -> Any:
    raise KeyError(SECRET)


def in_an_input() -> None:
    pulumi.CustomResource("t:i:Leaf", "leaf", {"value": pulumi.Output.from_input(1).apply(fail)})


def in_an_input_of_a_dependent() -> None:
    first = Component("t:i:First", "first", None)
    value = pulumi.Output.secret(SECRET).apply(fail)
    pulumi.CustomResource("t:i:Leaf", "leaf", {"value": value}, first.child())


BUGS: dict[str, Callable[[], object]] = {
    "the program": fail,
    "an apply that nobody awaits": lambda: pulumi.Output.from_input(1).apply(fail),
    "an apply behind an export": lambda: pulumi.export("value", pulumi.Output.from_input(1).apply(fail)),
    "an apply within an apply": lambda: pulumi.Output.from_input(1).apply(lambda _: pulumi.Output.all(1).apply(fail)),
    "the input of a resource": in_an_input,
    "the input of a child": in_an_input_of_a_dependent,
}


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("debug", ["", "true"])
def test_a_bug_is_one_sentence_that_shows_no_value(bug: str, debug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(last_resort.DEBUG, debug)
    text = ending(BUGS[bug])
    sentence, *more = text.splitlines()
    assert sentence.startswith("This program has a bug: KeyError in ")
    assert "during `pulumi preview` of stack site-b." in sentence
    assert "report this sentence together with the output of `pulumi about`" in sentence
    assert bool(more) == bool(debug), "the traceback comes on request only"
    assert not debug or f"in {fail.__name__}" in text
    assert SECRET not in text


def test_a_bug_names_the_line_of_the_programs_own_that_led_to_it() -> None:
    text = ending(lambda: pulumi.Output.from_input("3").apply(superseded))  # type: ignore[arg-type] # wrong on purpose
    assert "TypeError in components/link/rotation.py, line " in text
    assert "(superseded)" in text


def test_the_programs_own_errors_stay_what_they_are() -> None:
    def own(_: object = None) -> None:
        raise pulumi.RunError("in plain words")

    assert ending(own) == "in plain words"
    assert ending(lambda: pulumi.Output.from_input(1).apply(own)) == "in plain words"


def test_a_task_of_another_librarys_keeps_the_exception_that_the_library_waits_for() -> None:
    """The hooks have a server of gRPC, which ends by an exception that it catches by its class."""

    class Stopped(Exception):  # noqa: N818 -- an end, no error
        """As gRPC has one."""

    async def serve() -> None:
        raise Stopped

    async def library() -> str:
        # No file of the SDK or of the program holds this code.
        try:
            await asyncio.get_running_loop().create_task(serve())
        except Stopped:
            return "stopped"
        return "never"

    async def guarded() -> str:
        with last_resort.sentences():
            return await library()

    assert run(guarded()) == "stopped"


def test_a_bug_in_a_hook_is_a_sentence_too() -> None:
    with pytest.raises(last_resort.ProgramError, match="has a bug: KeyError in ") as error:
        last_resort.worded(fail)()
    assert SECRET not in str(error.value)


def test_a_bug_in_an_asynchronous_hook_is_one_too() -> None:
    async def later() -> None:
        fail()

    with pytest.raises(last_resort.ProgramError, match="has a bug: KeyError in ") as error:
        run(last_resort.worded(later)())
    assert SECRET not in str(error.value)


def test_what_the_engine_answers_stays_in_its_own_words() -> None:
    class Refusal(grpc.RpcError):  # type: ignore[misc] # gRPC ships no types
        """As gRPC raises it."""

    def refused() -> None:
        try:
            raise Refusal
        except grpc.RpcError:
            raise Exception("resource 'rhsi/x' does not exist")  # noqa: B904, TRY002 -- as pulumi/runtime/settings.py

    assert ending(refused) == "resource 'rhsi/x' does not exist"


def test_what_a_provider_answers_to_a_function_stays_in_its_own_words() -> None:
    def asked() -> None:
        raise Exception("invoke of vault:kv/getSecretV2 failed: no secret found")  # noqa: TRY002 -- as pulumi/runtime/invoke.py

    assert ending(asked) == "invoke of vault:kv/getSecretV2 failed: no secret found"


def test_a_missing_package_is_answered_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("components.s")]:
        monkeypatch.delitem(sys.modules, module)
    for name in ("settings", "sites"):
        # Another test of this process may have imported them already.
        monkeypatch.delattr(components, name, raising=False)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    text = ending(lambda: runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__"))
    assert text == "The Python package pydantic is missing: run `pulumi install` first."


def test_the_program_itself_is_short() -> None:
    assert len((CHECKOUT / "__main__.py").read_text().splitlines()) <= 30
