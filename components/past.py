"""What a stack was at its earlier runs, and the refusal of a run that contradicts it.

Kept in the stack's own state as soon as a run begins, so that a run which failed or was killed counts too. The engine
hands the old values to a hook before it writes the new ones, in `preview` and `up` alike; nothing else of the stack is
touched before. A fact may count only once what it names was made: a stack that was refused its namespace may choose
another one. Which facts there are is up to sites/.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.settings import _get_callbacks
from pulumi.runtime.sync_await import _sync_await

from components.last_resort import worded


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that a stack remembers under its key in the stack file, such as `cluster.namespace`.

    Attributes:
        value: of this run: text, a number, true or false; None for one that the next run is not held to.
        fix: what to do where it may not change; the end of a sentence.
        grows: whether a larger number may follow; everything else stays what it was.
        sentence: what was found, after the key; `{new}` and `{old}` stand for the values.
        usual: what a stack is that remembers nothing of it, for a fact that is younger than many a stack. It is not
            remembered either, so that the memory of such a stack stays as it was.
        beside: another key, without which a memory says nothing of this one either: nothing was usual then.
        now: what this run is, where `value` may be None: the run before may still hold this one to it.
        made: logical names of the resources that it is about. A stack that has none of them is not held to it.
    """

    value: pulumi.Input[str | int | bool | None]
    fix: str
    grows: bool = False
    sentence: str = "is {new}, it was {old}"
    usual: str | None = None
    beside: str = ""
    now: str | None = None
    made: tuple[str, ...] = ()


class PastError(pulumi.RunError):
    """Everything in which a run contradicts the stack's past, one a line."""


def contradictions(facts: Mapping[str, Fact], now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """What may not follow upon the past, as sentences; a fact that only one of the two has is none, or as usual."""
    found = []
    for key, fact in facts.items():
        usual_before = fact.usual if not fact.beside or fact.beside in before else None
        new, old = fact.now or now.get(key, fact.usual), before.get(key, usual_before)
        if new is None or old is None:
            continue
        if new < old if fact.grows else new != old:
            sentence = fact.sentence.replace("{new}", _shown(new)).replace("{old}", _shown(old))
            found.append(f"rhsi:{key} {sentence}: {fact.fix}.")
    return found


def counting(facts: Mapping[str, Fact], resources: Container[str]) -> Mapping[str, Fact]:
    """Those to which a stack with these resources, by logical name, is held."""
    return {key: fact for key, fact in facts.items() if not fact.made or any(name in resources for name in fact.made)}


def remembered(facts: Mapping[str, Fact]) -> pulumi.Input[Mapping[str, Any]]:
    """What the next run is held to."""
    kept = {key: fact.value for key, fact in facts.items() if fact.usual is None or fact.value != fact.usual}
    if not any(fact.now for fact in facts.values()):
        return kept
    known: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input(kept)
    return known.apply(lambda values: {key: value for key, value in values.items() if value is not None})


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


class Past:
    """The memory of a stack; whatever depends on `memory` is not touched by a run that contradicts it."""

    memory: pulumi.Resource

    def __init__(self, facts: Mapping[str, Fact], opts: pulumi.ResourceOptions) -> None:
        """Register the memory; once in a program. A contradiction fails it, with a PastError's text."""
        self._facts = facts
        # The SDK stops the hooks' server when a program fails, and gRPC crashes (SIGSEGV) where that server still
        # starts: nobody would see why the program failed.
        _sync_await(_get_callbacks())
        hook = pulumi.ResourceHook("past", worded(self._refuse), pulumi.ResourceHookOptions(on_dry_run=True))
        self.memory = pulumi.Stash(
            "past",
            input=remembered(facts),
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))
            ),
        )

    async def _refuse(self, args: pulumi.ResourceHookArgs) -> None:
        now, before = ((inputs or {}).get("input") or {} for inputs in (args.new_inputs, args.old_inputs))
        sentences = contradictions(self._facts, now, before)
        if sentences:
            # Only now: few runs change a fact, and the state may be large.
            sentences = contradictions(counting(self._facts, await _resources()), now, before)
        if sentences:
            lines = "\n".join(f"  - {sentence}" for sentence in sentences)
            raise PastError(f"The stack {pulumi.get_stack()} cannot become what its settings ask for:\n{lines}")


async def _resources() -> set[str]:
    """Logical names of what the stack's own state has, as the engine tells it; nothing else of the answer is used."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack})
    return {urn.rpartition("::")[2] for urn in (found or {}).get("outputs", {})}
