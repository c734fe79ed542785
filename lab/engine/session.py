"""One run of the program: from its start to the last deletion that follows from it.

Source: `Execute` in pulumi:pkg/resource/deploy/deployment_executor.go.
"""

from lab.engine import deletions
from lab.engine.executor import Executor
from lab.engine.interrupts import wait_for_any
from lab.engine.monitor import Monitor
from lab.engine.planner import Planner
from lab.engine.program import Program
from lab.engine.project import Project
from lab.engine.providers.base import ProviderError
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.values import Properties

# How long a program may take to end once it has nothing to wait for, in seconds.
_GRACE = 3.0


def run_program(
    run: Run, project: Project, config: dict[str, str], secret_keys: list[str]
) -> tuple[Properties, Properties]:
    """Run the program and do what it wants; the stack's outputs before and after. What went wrong is in the run."""
    planner, executor = Planner(run), Executor(run)
    monitor = Monitor(run, planner, executor, config, secret_keys)
    program = Program(project, run.name, config, secret_keys)
    program.start(
        monitor.start(),
        preview=run.options.preview,
        parallel=run.options.parallel,
        tell=lambda line: run.events.diagnostic("", "info", line),
    )
    wait_for_any(program.ended, monitor.program_done, run.stopped)
    if program.ended.is_set() and program.failure:
        run.error("", program.failure)
    executor.drain()
    if not run.stopped.is_set():
        try:
            executor.groups(deletions.final_deletions(run, planner))
        except ProviderError as error:
            run.error("", str(error))
    outputs = _settle_outputs(run, monitor.stack_outputs)
    monitor.release.set()
    program.join(_GRACE)
    monitor.stop()
    return outputs


def _settle_outputs(run: Run, told: tuple[Resource, Properties] | None) -> tuple[Properties, Properties]:
    """Give the stack its outputs; after a failure those that are missing keep their old values. Old and new ones."""
    if told is None:
        return {}, {}
    stack, outputs = told
    before = run.olds.get(stack.urn)
    old = before.outputs if before is not None else {}
    stack.outputs = {**old, **outputs} if run.failed else outputs
    if stack.outputs != old:
        run.snapshot.touch()
    return old, stack.outputs
