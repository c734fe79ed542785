"""The plugin's gRPC service, called as the engine calls it, in front of a package of the tests' own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import any_pb2, empty_pb2, struct_pb2

from lab.pulumi import wire
from lab.pulumi.plugin import Log, Plugin
from lab.pulumi.protocol import provider_pb2, provider_pb2_grpc, status_pb2
from lab.pulumi.provider import CheckFailure, CheckResult, Diff, InitError, ProviderError, Reading, Request
from lab.pulumi.values import Properties, Secret

URN = "urn:pulumi:dev::proj::test:index:Thing::thing"


class Things:
    """A provider that answers by the name of what it is asked for, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.cancelled = False

    def check(self, request: Request) -> CheckResult:
        self.asked.append(request)
        wrong = (CheckFailure("size", "is too large"),) if request.news.get("size") == 9 else ()
        return CheckResult({**request.news, "checked": True}, wrong)

    def diff(self, request: Request) -> Diff:
        self.asked.append(request)
        return Diff(
            True, ["spec.name"], {"spec.name": "update-replace", "spec.size": "add"}, delete_before_replace=True
        )

    def create(self, request: Request) -> tuple[str, Properties]:
        self.asked.append(request)
        if request.news.get("name") == "refused":
            raise ProviderError("no such thing")
        if request.news.get("name") == "unready":
            raise InitError("id-1", {"secret": Secret("hush")}, ["it sulks", "it still sulks"])
        return "id-1", {**request.news, "uid": "u"}

    def read(self, request: Request) -> Reading | None:
        self.asked.append(request)
        return None if request.id == "gone" else Reading(request.id, {"uid": "u"}, {"name": "x"})

    def update(self, request: Request) -> Properties:
        self.asked.append(request)
        return request.news

    def delete(self, request: Request) -> None:
        self.asked.append(request)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        if token != "things:index/get:get":
            raise ProviderError(f"there is no {token}")
        return {"given": arguments, "secret": Secret("hush")}

    def cancel(self) -> None:
        self.cancelled = True


class Package:
    """The kind of that provider."""

    version = "1.2.3"

    def __init__(self, provider: Things) -> None:
        self.provider = provider

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        return Diff(olds != news, ["context"] if olds != news else [])

    def configure(self, _inputs: Properties, _log: Log) -> Things:
        return self.provider


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def engine(things: Things) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server = grpc.server(ThreadPoolExecutor(2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(Package(things), ""), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


@pytest.fixture
def configured(engine: provider_pb2_grpc.ResourceProviderStub) -> provider_pb2_grpc.ResourceProviderStub:
    answer = engine.Configure(provider_pb2.ConfigureRequest(args=struct_pb2.Struct()))
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)
    return engine


def create(
    engine: provider_pb2_grpc.ResourceProviderStub, name: object, timeout: float = 0
) -> provider_pb2.CreateResponse:
    answer: provider_pb2.CreateResponse = engine.Create(
        provider_pb2.CreateRequest(urn=URN, properties=wire.encode({"name": name}), timeout=timeout)
    )
    return answer


def test_a_request_carries_secrets_in_and_out(
    configured: provider_pb2_grpc.ResourceProviderStub, things: Things
) -> None:
    answer = create(configured, Secret("hush"), timeout=7.0)
    assert (things.asked[0].news, things.asked[0].timeout) == ({"name": Secret("hush")}, 7.0)
    assert (answer.id, wire.decode(answer.properties)) == ("id-1", {"name": Secret("hush"), "uid": "u"})


def test_a_function_is_called_and_its_refusal_told(configured: provider_pb2_grpc.ResourceProviderStub) -> None:
    asked = provider_pb2.InvokeRequest(tok="things:index/get:get", args=wire.encode({"name": "x"}))
    answer = wire.decode(getattr(configured.Invoke(asked), "return"))
    assert answer == {"given": {"name": "x"}, "secret": Secret("hush")}
    with pytest.raises(grpc.RpcError, match="there is no things:index/take:take"):
        configured.Invoke(provider_pb2.InvokeRequest(tok="things:index/take:take"))


def test_a_refusal_reaches_the_engine_word_for_word(configured: provider_pb2_grpc.ResourceProviderStub) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        create(configured, "refused")
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.UNKNOWN, "no such thing")


def test_a_resource_that_exists_but_is_not_ready_comes_with_its_state_and_reasons(
    configured: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        create(configured, "unready")
    (packed,) = (value for key, value in failure.value.trailing_metadata() if key == "grpc-status-details-bin")
    status = status_pb2.Status.FromString(packed)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert isinstance(status.details[0], any_pb2.Any)
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("id-1", ["it sulks", "it still sulks"])
    assert wire.decode(detail.properties) == {"secret": Secret("hush")}


def test_wrong_inputs_are_listed(configured: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = configured.Check(provider_pb2.CheckRequest(urn=URN, news=wire.encode({"size": 9})))
    assert [(one.property, one.reason) for one in answer.failures] == [("size", "is too large")]


def test_a_new_resource_is_checked_without_old_inputs(
    configured: provider_pb2_grpc.ResourceProviderStub, things: Things
) -> None:
    configured.Check(provider_pb2.CheckRequest(urn=URN, olds=struct_pb2.Struct(), news=wire.encode({"size": 1})))
    configured.Check(provider_pb2.CheckRequest(urn=URN, olds=wire.encode({"size": 1}), news=wire.encode({"size": 2})))
    assert [request.olds for request in things.asked] == [None, {"size": 1}]


def test_a_difference_keeps_its_paths_kinds_and_order_of_replacement(
    configured: provider_pb2_grpc.ResourceProviderStub, things: Things
) -> None:
    answer = configured.Diff(
        provider_pb2.DiffRequest(
            urn=URN,
            id="x",
            olds=wire.encode({"out": 1}),
            old_inputs=wire.encode({"in": 1}),
            news=wire.encode({"in": 2}),
        )
    )
    assert (things.asked[0].outputs, things.asked[0].olds, things.asked[0].news) == ({"out": 1}, {"in": 1}, {"in": 2})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(answer.replaces), list(answer.diffs)) == (["spec.name"], ["spec"])
    assert answer.deleteBeforeReplace
    kinds = {path: detail.kind for path, detail in answer.detailedDiff.items()}
    assert kinds == {
        "spec.name": provider_pb2.PropertyDiff.UPDATE_REPLACE,
        "spec.size": provider_pb2.PropertyDiff.ADD,
    }


def test_what_does_not_exist_has_no_id(configured: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert configured.Read(provider_pb2.ReadRequest(urn=URN, id="gone")).id == ""
    found = configured.Read(provider_pb2.ReadRequest(urn=URN, id="there"))
    assert (found.id, wire.decode(found.inputs), wire.decode(found.properties)) == (
        "there",
        {"name": "x"},
        {"uid": "u"},
    )


def test_a_changed_configuration_may_replace_the_provider(engine: provider_pb2_grpc.ResourceProviderStub) -> None:
    olds, news = wire.encode({"context": "a"}), wire.encode({"context": "b"})
    assert list(engine.DiffConfig(provider_pb2.DiffRequest(old_inputs=olds, news=news)).replaces) == ["context"]
    same = engine.DiffConfig(provider_pb2.DiffRequest(old_inputs=olds, news=olds))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_cancellation_reaches_the_provider(
    configured: provider_pb2_grpc.ResourceProviderStub, things: Things
) -> None:
    configured.Cancel(empty_pb2.Empty())
    assert things.cancelled


def test_a_method_that_the_stand_in_does_not_have_is_unimplemented(
    configured: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        configured.Call(provider_pb2.CallRequest(tok="x"))
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_nothing_is_asked_of_a_provider_without_configuration(engine: provider_pb2_grpc.ResourceProviderStub) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        create(engine, "x")
    assert failure.value.details() == "the provider has not been configured"
