"""A provider plugin: the gRPC service that the engine calls, in front of one `Package`.

Owns the translation between messages and `lab.pulumi.provider`, and how failures travel. Knows no package by name.
Source: pulumi:proto/pulumi/provider.proto, sdk/go/common/resource/plugin/provider_plugin.go (`parseError`).
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2

from lab.pulumi import wire
from lab.pulumi.protocol import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from lab.pulumi.provider import Diff, InitError, Provider, ProviderError, Request
from lab.pulumi.values import Properties

Response = TypeVar("Response")
Log = Callable[[str, str, str], None]
_KINDS = {
    "add": provider_pb2.PropertyDiff.ADD,
    "add-replace": provider_pb2.PropertyDiff.ADD_REPLACE,
    "update": provider_pb2.PropertyDiff.UPDATE,
    "update-replace": provider_pb2.PropertyDiff.UPDATE_REPLACE,
    "delete": provider_pb2.PropertyDiff.DELETE,
    "delete-replace": provider_pb2.PropertyDiff.DELETE_REPLACE,
}
_SEVERITIES = {"warning": engine_pb2.WARNING, "error": engine_pb2.ERROR, "info": engine_pb2.INFO}
_SCHEMA = "{}"


class Package(Protocol):
    """A kind of provider."""

    version: str

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """How a change of configuration affects the resources."""
        ...

    def configure(self, inputs: Properties, log: Log) -> Provider:
        """A provider with this configuration; it contacts nothing yet. `log` takes an URN, a severity and a text."""
        ...


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one package for one `pulumi` command; every provider resource has a plugin process of its own."""

    def __init__(self, package: Package, engine: str) -> None:
        self._package = package
        self._engine = engine
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._provider: Provider | None = None

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agree on what values look like."""
        self._engine = request.engine_address or self._engine
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the version."""
        return plugin_pb2.PluginInfo(version=self._package.version)

    def GetSchema(
        self, _request: provider_pb2.GetSchemaRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """None: no code is generated from a stand-in."""
        return provider_pb2.GetSchemaResponse(schema=_SCHEMA)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Take any configuration."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare configurations."""
        olds = request.old_inputs if request.HasField("old_inputs") else request.olds
        return _difference(self._package.diff_config(wire.decode(olds), wire.decode(request.news)))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Set the one provider of this process up."""
        self._provider = self._package.configure(wire.decode(request.args), self._log)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Validate inputs."""

        def check() -> provider_pb2.CheckResponse:
            olds = wire.decode(request.olds) if request.HasField("olds") and request.olds.fields else None
            result = self._configured().check(Request(urn=request.urn, olds=olds, news=wire.decode(request.news)))
            failures = [provider_pb2.CheckFailure(property=one.property, reason=one.reason) for one in result.failures]
            return provider_pb2.CheckResponse(inputs=wire.encode(result.inputs), failures=failures)

        return self._answer(context, check, provider_pb2.CheckResponse())

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare a resource with its new inputs."""

        def diff() -> provider_pb2.DiffResponse:
            return _difference(self._configured().diff(_changed(request)))

        return self._answer(context, diff, provider_pb2.DiffResponse())

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Create a resource."""

        def create() -> provider_pb2.CreateResponse:
            news = wire.decode(request.properties)
            asked = Request(urn=request.urn, news=news, timeout=request.timeout, preview=request.preview)
            id_, outputs = self._configured().create(asked)
            return provider_pb2.CreateResponse(id=id_, properties=wire.encode(outputs))

        return self._answer(context, create, provider_pb2.CreateResponse())

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Look at a resource; an empty id in the answer means that there is none."""

        def read() -> provider_pb2.ReadResponse:
            olds, outputs = wire.decode(request.inputs), wire.decode(request.properties)
            found = self._configured().read(Request(urn=request.urn, id=request.id, olds=olds, outputs=outputs))
            if found is None:
                return provider_pb2.ReadResponse()
            inputs = None if found.inputs is None else wire.encode(found.inputs)
            return provider_pb2.ReadResponse(id=found.id, properties=wire.encode(found.outputs), inputs=inputs)

        return self._answer(context, read, provider_pb2.ReadResponse())

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""

        def update() -> provider_pb2.UpdateResponse:
            asked = replace(_changed(request), timeout=request.timeout, preview=request.preview)
            return provider_pb2.UpdateResponse(properties=wire.encode(self._configured().update(asked)))

        return self._answer(context, update, provider_pb2.UpdateResponse())

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete a resource."""

        def delete() -> empty_pb2.Empty:
            olds, outputs = wire.decode(request.old_inputs), wire.decode(request.properties)
            asked = Request(urn=request.urn, id=request.id, olds=olds, outputs=outputs, timeout=request.timeout)
            self._configured().delete(asked)
            return empty_pb2.Empty()

        return self._answer(context, delete, empty_pb2.Empty())

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Call a function."""

        def invoke() -> provider_pb2.InvokeResponse:
            answer = wire.encode(self._configured().invoke(request.tok, wire.decode(request.args)))
            return provider_pb2.InvokeResponse(**{"return": answer})

        return self._answer(context, invoke, provider_pb2.InvokeResponse())

    def Cancel(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let every wait end soon."""
        if self._provider is not None:
            self._provider.cancel()
        return empty_pb2.Empty()

    def _configured(self) -> Provider:
        if self._provider is None:
            raise ProviderError("the provider has not been configured")
        return self._provider

    def _answer(self, context: grpc.ServicerContext, call: Callable[[], Response], nothing: Response) -> Response:
        """The call's answer; a failure becomes the status that the engine understands."""
        try:
            return call()
        except InitError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _half_made(error)),))
            context.set_code(grpc.StatusCode.UNKNOWN)
            context.set_details(str(error))
        except ProviderError as error:
            context.set_code(grpc.StatusCode.UNKNOWN)
            context.set_details(str(error))
        return nothing

    def _log(self, urn: str, severity: str, text: str) -> None:
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self._engine)
        line = engine_pb2.LogRequest(severity=_SEVERITIES[severity], message=text, urn=urn)
        engine_pb2_grpc.EngineStub(self._channel).Log(line)


def _changed(message: provider_pb2.DiffRequest | provider_pb2.UpdateRequest) -> Request:
    """What both messages say of a resource and its new inputs; the engine calls old outputs `olds`."""
    return Request(
        urn=message.urn,
        id=message.id,
        olds=wire.decode(message.old_inputs),
        outputs=wire.decode(message.olds),
        news=wire.decode(message.news),
        ignore_changes=list(message.ignoreChanges),
    )


def _difference(found: Diff) -> provider_pb2.DiffResponse:
    detailed = {path: provider_pb2.PropertyDiff(kind=_KINDS[kind]) for path, kind in found.detailed.items()}
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found.changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=found.replace,
        deleteBeforeReplace=found.delete_before_replace,
        diffs=sorted({path.split(".")[0].split("[")[0] for path in found.detailed}),
        detailedDiff=detailed,
        hasDetailedDiff=bool(detailed),
    )


def _half_made(error: InitError) -> bytes:
    """A google.rpc.Status that says: the resource exists, and this is wrong with it."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id,
        properties=wire.encode(error.outputs),
        reasons=error.reasons,
        inputs=struct_pb2.Struct() if error.inputs is None else wire.encode(error.inputs),
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[packed])
    return bytes(status.SerializeToString())
