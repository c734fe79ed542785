"""The four operations on a stack: preview, up, refresh, destroy.

Source: pulumi:pkg/resource/deploy/deployment_executor.go, pkg/backend/diy/backend.go (`apply`).
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from lab.engine import deletions
from lab.engine import urn as urns
from lab.engine.display import Display
from lab.engine.errors import AlreadyReportedError, NoChangesExpectedError
from lab.engine.executor import Executor
from lab.engine.interrupts import cancelling
from lab.engine.providers.base import ProviderError
from lab.engine.providers.builtin import BuiltinProvider
from lab.engine.providers.packages import known_packages
from lab.engine.providers.registry import Package, Registry
from lab.engine.reading import RefreshStep
from lab.engine.run import Options, Run
from lab.engine.snapshot import Snapshot
from lab.engine.stack import Stack
from lab.engine.state import Deployment, Resource, deployment_to_json
from lab.engine.values import Properties

_PENDING = (
    "These resources are in an unknown state because the Pulumi CLI was interrupted while waiting for changes to these "
    "resources to complete. You should confirm whether or not the operations listed completed successfully by checking "
    "the state of the appropriate provider. For example, if you are using AWS, you can confirm using the AWS Console."
    "\n\nOnce you have confirmed the status of the interrupted operations, you can repair your stack using "
    "`pulumi refresh` which will refresh the state from the provider you are using and clear the pending operations if "
    "there are any.\n\nNote that `pulumi refresh` will need to be run interactively to clear pending CREATE operations."
)
Packages = Callable[[Callable[[str, str, str], None]], dict[str, Package]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for, besides `Options`."""

    refresh: bool = False
    expect_no_changes: bool = False
    clear_pending_creates: bool = False
    exclude_protected: bool = False


class Deployer:
    """Operates on one stack. `packages` makes the providers; tests have their own."""

    def __init__(self, stack: Stack, display: Display, options: Options, packages: Packages = known_packages) -> None:
        self._stack = stack
        self._display = display
        self._options = options
        self._packages = packages

    def _begin(self) -> Run:
        deployment = self._stack.deployment()
        snapshot = Snapshot(deployment, self._save)
        registry = Registry(self._packages(self._display.diagnostic), BuiltinProvider(self._stack.outputs_of))
        return Run(
            name=self._stack.name,
            options=self._options,
            snapshot=snapshot,
            registry=registry,
            events=self._display,
            base=deployment.resources,
            pending=deployment.pending,
        )

    def _save(self, deployment: Deployment) -> None:
        if not self._options.preview:
            document = deployment_to_json(deployment, self._stack.crypter)
            self._stack.backend.save(self._stack.name, document)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        if self._options.preview:
            return contextlib.nullcontext()
        return self._stack.backend.lock(self._stack.name)

    def up(self, request: Request) -> None:
        """Bring the stack to what its program wants, or show what that would take.

        Raises:
            EngineError: it failed, the stack is locked, or there are changes that were not expected.
        """
        # Both the key and the SDK take a good part of a second: the one is derived while the other is imported, and the
        # other operations pay for neither.
        self._stack.crypter.prepare()
        from lab.engine import session  # noqa: PLC0415 - see above

        config, secret_keys = self._stack.configuration()
        self._display.configured(config, secret_keys)
        with self._lock():
            run = self._begin()
            self._display.begin("Previewing update" if self._options.preview else "Updating")
            with cancelling(run):
                if request.refresh:
                    self._refresh(run)
                elif run.pending and not self._options.preview:
                    self._warn_of_pending(run)
                old, new = (
                    ({}, {}) if run.failed else session.run_program(run, self._stack.project, config, secret_keys)
                )
            self._finish(run, request, "preview" if self._options.preview else "update", old, new)

    def _warn_of_pending(self, run: Run) -> None:
        listed = "".join(f"  * {item.resource.urn}, interrupted while {item.type}\n" for item in run.pending)
        text = f"Attempting to deploy or update resources with {len(run.pending)} pending operations from previous "
        run.events.diagnostic("", "warning", f"{text}deployment.\n{listed}{_PENDING}")

    def refresh(self, request: Request) -> None:
        """Bring the state to what really is, or show how it differs.

        Raises:
            EngineError: it failed, the stack is locked, or there are changes that were not expected.
        """
        with self._lock():
            run = self._begin()
            self._display.begin("Previewing refresh" if self._options.preview else "Refreshing")
            with cancelling(run):
                if request.clear_pending_creates:
                    run.snapshot.clear_pending()
                self._refresh(run)
            stack = Deployment(run.base).stack()
            outputs = stack.outputs if stack is not None else {}
            self._finish(run, request, "refresh", outputs, outputs)

    def _refresh(self, run: Run) -> None:
        steps: list[RefreshStep] = []
        for resource in run.base:
            if run.options.targeted(resource.urn):
                run.ensure_provider(resource)
                steps.append(RefreshStep(resource, None))
        Executor(run).refresh(steps)
        if run.failed:
            run.stop()
            return
        results: dict[int, Resource | None] = {id(step.old): step.new for step in steps}
        run.snapshot.rebase(results)
        current = run.snapshot.current().resources
        _drop_dangling(current)
        run.rebase(current)
        run.snapshot.flush()

    def destroy(self, request: Request) -> None:
        """Delete everything in the stack, or show what that would delete.

        Raises:
            EngineError: it failed, the stack is locked, or there are changes that were not expected.
        """
        with self._lock():
            run = self._begin()
            self._display.begin("Previewing destroy" if self._options.preview else "Destroying")
            stack = Deployment(run.base).stack()
            old = stack.outputs if stack is not None else {}
            with cancelling(run):
                if request.refresh:
                    self._refresh(run)
                kept = deletions.protected_with_needs(run) if request.exclude_protected else []
                try:
                    Executor(run).groups(deletions.all_deletions(run, kept))
                except ProviderError as error:
                    run.error("", str(error))
            left = {} if run.failed or kept or not self._options.preview else old
            self._finish(run, request, "destroy", left, left)

    def _finish(self, run: Run, request: Request, what: str, old: Properties, new: Properties) -> None:
        run.snapshot.flush()
        kind = "preview" if self._options.preview else "update"
        if run.step_failed:
            run.events.diagnostic("", "error", f"{kind} failed")
        elif run.cancelled:
            run.events.diagnostic("", "error", f"{kind} canceled")
        self._display.end(old, new, failed=run.failed)
        if run.failed:
            raise AlreadyReportedError
        if request.expect_no_changes and any(
            n for op, n in self._display.counts.items() if op not in ("same", "read", "discard")
        ):
            raise NoChangesExpectedError(what)


def _drop_dangling(resources: list[Resource]) -> None:
    """Remove references to what a refresh did not find, in place."""
    known: set[str] = set()
    for resource in resources:
        resource.dependencies = [urn for urn in resource.dependencies if urn in known]
        resource.replace_with = [urn for urn in resource.replace_with if urn in known]
        resource.property_dependencies = {
            key: [urn for urn in needed if urn in known] for key, needed in resource.property_dependencies.items()
        }
        if resource.deleted_with not in known:
            resource.deleted_with = ""
        if resource.parent and resource.parent not in known:
            resource.parent = next((r.urn for r in resources if r.type == urns.STACK_TYPE), "")
        known.add(resource.urn)
