"""The engine's side of the protocol with the program: ResourceMonitor and Engine.

Source: pulumi:proto/pulumi/{resource,engine}.proto, pkg/resource/deploy/source_eval.go. Features that this engine lacks
are not announced, so that the SDK itself says that they are missing.
"""

import dataclasses
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from lab.engine import urn as urns
from lab.engine.backend import ORGANIZATION
from lab.engine.errors import EngineError
from lab.engine.executor import Executor, StoppedError
from lab.engine.goal import Goal
from lab.engine.planner import PlanError, Planner
from lab.engine.providers.base import ProviderError
from lab.engine.run import Run
from lab.engine.state import Resource
from lab.engine.steps import SkippedCreateStep, Step
from lab.engine.urn import UNKNOWN_ID
from lab.engine.values import Properties, Secret
from lab.engine.wire import decode, encode

# Secrets, resource references, output values, alias specs, replacement trigger, deleted with, replace with.
_FEATURES = range(7)
_SEVERITIES = {engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error", engine_pb2.INFO: "info"}
# Every registration in flight holds a thread; the SDK keeps four times `parallel` at most.
_THREADS = 256


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves one program. `program_done` is set when it has nothing more to register; `release` lets it end."""

    def __init__(
        self, run: Run, planner: Planner, executor: Executor, config: dict[str, str], secret_keys: list[str]
    ) -> None:
        self._run = run
        self._planner = planner
        self._executor = executor
        self._config = config
        self._secret_keys = secret_keys
        self._defaults: dict[tuple[str, str], str] = {}
        self._registered: dict[str, Resource] = {}
        self._root_resource = ""
        self.stack_outputs: tuple[Resource, Properties] | None = None
        self.program_done = threading.Event()
        self.release = threading.Event()
        self._server: Any = None

    def start(self) -> str:
        """Listen on a free port of the loopback interface; the address."""
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        workers = futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="monitor")
        self._server = grpc.server(workers, options=options)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{port}"

    def stop(self) -> None:
        """Hang up."""
        self.release.set()
        self._server.stop(0)

    def _refuse(self, context: grpc.ServicerContext, error: Exception, urn: str = "") -> Any:
        """End the request; the SDK takes UNAVAILABLE as the end of the run."""
        if not isinstance(error, StoppedError | PlanError):
            self._run.error(urn, str(error))
        context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down while waiting on step's done channel")

    def GetDeploymentInfo(  # noqa: N802 - the protocol's name
        self,
        _request: empty_pb2.Empty,
        _context: grpc.ServicerContext,
    ) -> resource_pb2.DeploymentInfo:
        """Where the program runs, and what the engine can do."""
        return resource_pb2.DeploymentInfo(
            project=self._run.name.project,
            stack=self._run.name.stack,
            organization=ORGANIZATION,
            config=self._config,
            configSecretKeys=self._secret_keys,
            dryRun=self._run.options.preview,
            parallel=self._run.options.parallel,
            supportedFeatures=list(_FEATURES),  # type: ignore[arg-type] # the stub wants the enum, which is an int
        )

    def RegisterResource(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        """Bring one resource to what the program wants."""
        try:
            goal = Goal.of(request)
            if urns.is_provider(goal.type) and request.version:
                goal.inputs.setdefault("version", request.version)
            elif goal.custom and not goal.provider and urns.package_of(goal.type) != "pulumi":
                goal = self._with_default_provider(goal, request.version)
            steps = self._carry_out(goal)
        except (EngineError, ProviderError, PlanError, StoppedError) as error:
            return self._refuse(context, error)  # type: ignore[no-any-return] # abort raises
        step = steps[-1]
        resource = step.resource
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn,
            id="" if resource.id == UNKNOWN_ID else resource.id,
            object=encode(resource.outputs),
            unknown=isinstance(step, SkippedCreateStep) and resource.custom,
        )

    def _plan(self, plan: Callable[[], list[Step]]) -> list[Step]:
        with self._planner.lock:
            if self._run.stopped.is_set():
                raise StoppedError
            return plan()

    def _carry_out(self, goal: Goal) -> list[Step]:
        steps = self._plan(lambda: self._planner.plan(goal))
        self._executor.chain(steps)
        new = steps[-1].resource
        self._registered[new.urn] = new
        return steps

    def _with_default_provider(self, goal: Goal, version: str) -> Goal:
        """Give a resource without a provider the default one of its package, configured by the stack."""
        package = urns.package_of(goal.type)
        with self._planner.lock:
            if (package, version) not in self._defaults:
                name = f"default_{version.replace('.', '_')}" if version else "default"
                inputs: Properties = {"version": version} if version else {}
                for key, value in self._config.items():
                    if key.startswith(f"{package}:"):
                        inputs[key.partition(":")[2]] = Secret(value) if key in self._secret_keys else value
                steps = self._carry_out(Goal(type=f"{urns.PROVIDER_PREFIX}{package}", name=name, inputs=inputs))
                resource = steps[-1].resource
                self._defaults[package, version] = urns.reference(resource.urn, resource.id)
            return dataclasses.replace(goal, provider=self._defaults[package, version])

    def ReadResource(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        """Look at a resource that somebody else owns."""
        goal = Goal(
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=decode(request.properties),
            provider=request.provider,
            dependencies=sorted(set(request.dependencies)),
            additional_secret_outputs=list(request.additionalSecretOutputs),
        )
        try:
            if not goal.provider and urns.package_of(goal.type) != "pulumi":
                goal = self._with_default_provider(goal, request.version)
            steps = self._plan(lambda: self._planner.plan_read(goal, request.id))
            self._executor.chain(steps)
        except (EngineError, ProviderError, PlanError, StoppedError) as error:
            return self._refuse(context, error)  # type: ignore[no-any-return] # abort raises
        resource = steps[0].resource
        return resource_pb2.ReadResourceResponse(urn=resource.urn, properties=encode(resource.outputs))

    def RegisterResourceOutputs(  # noqa: N802 - the protocol's name
        self,
        request: resource_pb2.RegisterResourceOutputsRequest,
        _context: grpc.ServicerContext,
    ) -> empty_pb2.Empty:
        """Take a component's outputs; those of the stack count at the end of the run."""
        resource = self._registered.get(request.urn)
        if resource is not None:
            outputs = decode(request.outputs)
            if resource.type == urns.STACK_TYPE:
                self.stack_outputs = resource, outputs
            elif resource.outputs != outputs:
                resource.outputs = outputs
                self._run.snapshot.touch()
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        """Functions of providers: none."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED, f"the lab's engine offers no functions, not {request.tok!r} either"
        )
        raise AssertionError("abort raises")

    def SupportsFeature(  # noqa: N802 - the protocol's name
        self,
        request: resource_pb2.SupportsFeatureRequest,
        _context: grpc.ServicerContext,
    ) -> resource_pb2.SupportsFeatureResponse:
        """The old way to ask what `GetDeploymentInfo` tells."""
        known = ("secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith", "replaceWith")
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    def SignalAndWaitForShutdown(  # noqa: N802 - the protocol's name
        self,
        _request: empty_pb2.Empty,
        _context: grpc.ServicerContext,
    ) -> empty_pb2.Empty:
        """The program has registered everything; keep it until the run is over."""
        self.program_done.set()
        self.release.wait()
        return empty_pb2.Empty()

    def Log(  # noqa: N802 - the protocol's name
        self,
        request: engine_pb2.LogRequest,
        _context: grpc.ServicerContext,
    ) -> empty_pb2.Empty:
        """Something that the program says."""
        severity = _SEVERITIES.get(request.severity)
        if severity is not None and not request.ephemeral:
            self._run.events.diagnostic(request.urn, severity, request.message)
        return empty_pb2.Empty()

    def GetRootResource(  # noqa: N802 - the protocol's name
        self,
        _request: engine_pb2.GetRootResourceRequest,
        _context: grpc.ServicerContext,
    ) -> engine_pb2.GetRootResourceResponse:
        """The URN that `SetRootResource` told."""
        return engine_pb2.GetRootResourceResponse(urn=self._root_resource)

    def SetRootResource(  # noqa: N802 - the protocol's name
        self,
        request: engine_pb2.SetRootResourceRequest,
        _context: grpc.ServicerContext,
    ) -> engine_pb2.SetRootResourceResponse:
        """Remember a URN."""
        self._root_resource = request.urn
        return engine_pb2.SetRootResourceResponse()
