"""Runs steps: those of one registration one after the other, those of different ones in parallel.

Source: pulumi:pkg/resource/deploy/step_executor.go, deployment_executor.go.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.engine.graph import DependencyGraph
from lab.engine.providers.base import InitError, ProviderError
from lab.engine.reading import RefreshStep
from lab.engine.removal import ProtectedError
from lab.engine.run import Run
from lab.engine.secrets import PassphraseError
from lab.engine.state import Resource
from lab.engine.steps import Step


class StoppedError(Exception):
    """The run was stopped before all of the steps were done, by a failure of this one or of another."""


class Executor:
    """Runs the steps of one run, at most `parallel` at once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._slots = threading.BoundedSemaphore(run.options.parallel)
        self._idle = threading.Condition()
        self._active = 0

    def chain(self, steps: Sequence[Step]) -> None:
        """Run steps one after the other.

        Raises:
            StoppedError: not all of them were done.
        """
        with self._idle:
            self._active += 1
        try:
            with self._slots:
                for step in steps:
                    if self._run.stopped.is_set():
                        raise StoppedError
                    if not self._one(step):
                        raise StoppedError
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def _one(self, step: Step, *, stop: bool = True) -> bool:
        self._run.events.started(step)
        try:
            step.execute(self._run)
        except (ProviderError, InitError, PassphraseError) as error:
            self._run.events.failed(step)
            self._report(step, str(error), stop=stop and not isinstance(error, ProtectedError))
            return False
        except Exception as error:
            # A defect of a provider must not lose the state.
            self._run.events.failed(step)
            self._report(step, f"{type(error).__name__}: {error}", stop=stop)
            return False
        self._run.events.finished(step)
        return True

    def _report(self, step: Step, text: str, *, stop: bool) -> None:
        text = f"Preview failed: {text}" if self._run.options.preview else text
        self._run.step_failed = True
        if stop:
            self._run.error(step.urn, text)
        else:
            self._run.errors += 1
            self._run.events.diagnostic(step.urn, "error", text)

    def groups(self, groups: Sequence[Sequence[Step]]) -> None:
        """Run groups of deletions one after the other, each in parallel.

        A refused deletion (protection) lets the others go on, except those of what it needs.
        """
        graph = DependencyGraph(self._run.base)
        spared: set[int] = set()
        with ThreadPoolExecutor(self._run.options.parallel, thread_name_prefix="delete") as pool:
            for group in groups:
                if self._run.stopped.is_set():
                    return
                chosen = [step for step in group if id(step.resource) not in spared]
                for step, succeeded in zip(chosen, pool.map(self._unless_stopped, chosen), strict=True):
                    if not succeeded and step.resource in graph:
                        _spare(step.resource, graph, spared)

    def _unless_stopped(self, step: Step) -> bool:
        return not self._run.stopped.is_set() and self._one(step)

    def refresh(self, steps: Sequence[RefreshStep]) -> None:
        """Run refreshes in parallel; a failure of one lets the others go on."""
        with ThreadPoolExecutor(self._run.options.parallel, thread_name_prefix="refresh") as pool:
            list(pool.map(lambda step: self._run.cancelled or self._one(step, stop=False), steps))

    def drain(self) -> None:
        """Return when nothing runs any more, or when the person does not want to wait."""
        with self._idle:
            while self._active and not self._run.terminated.is_set():
                self._idle.wait(0.2)


def _spare(resource: Resource, graph: DependencyGraph, spared: set[int]) -> None:
    for needed in graph.dependencies_of(resource):
        if id(needed) not in spared:
            spared.add(id(needed))
            _spare(needed, graph, spared)
