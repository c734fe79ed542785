"""A recording Pulumi engine: runs the program's site against invented providers and keeps every registration.

`record` returns only after every registration has landed, so a test may assert that something is absent.
"""

import base64
import json
import logging
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from unittest import mock

import pulumi
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, resource_pb2
from pulumi.runtime.settings import get_stack

from components import settings, sites
from components.operators import serving
from components.vault import issuer

SECRET_KEY = "4dabf18193072939515e22adb298388d"
SECRET_MARK = {SECRET_KEY: "1b47061264138c4ac30d75fd1eb44270"}

STACK = "pulumi:pulumi:Stack"

# The values that must stay hidden, assembled at run time so that no scanner takes them for real ones.
CODE = "-".join(["code", "of", "the", "grant"])
GRANT_URL = "https://grants.example.com:9090/0b8e6d4e-uid"
GRANT_CA = "-----BEGIN " + "CERTIFICATE-----\ngrant server\n-----END CERTIFICATE-----\n"
GRANT_STATUS = {
    "status": "Ready",
    "code": CODE,
    "url": GRANT_URL,
    "ca": GRANT_CA,
    "expirationTime": "2026-11-23T22:30:00+01:00",
}
# The number that the stack has drawn, and what stands in its cluster already.
OWNER_ID = "0123456789abcdef"
_EXISTING: dict[str, dict[str, Any]] = {
    "kube-system": {"metadata": {"name": "kube-system", "uid": "uid-of-the-cluster"}},
    "kube-public/kube-root-ca.crt": {"data": {"ca.crt": "cluster CA"}},
    "rhsi/network-observer": {"spec": {"host": "network-observer-rhsi.apps.example.com"}},
}
# Stores of External Secrets and Sites of Skupper that somebody else made, by what the settings call them.
FOUND_STORE = {"provider": {"vault": {"server": "https://vault.example.com:8200", "path": "rhsi", "version": "v2"}}}
FOUND_SITE: dict[str, Any] = {
    "metadata": {"uid": "uid-of-the-site"},
    "spec": {"linkAccess": "default"},
    "status": {"status": "Ready", "endpoints": [{"name": "inter-router", "host": "router", "port": "55671"}]},
}
# What the cluster publishes of the keys with which it signs tokens (RFC 7515, appendix A.3.1).
PUBLISHED: dict[str, dict[str, Any]] = {
    issuer.DISCOVERY: {"issuer": "https://kubernetes.default.svc"},
    issuer.KEYS: {
        "keys": [
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            }
        ]
    },
}
# A Vault that answers no question.
SEALED: Mapping[str, Mapping[str, str]] = {"sealed": {}}
# What the PostgreSQL operator says of a publication or subscription.
APPLIED = {"applied": True}
PRIMARY_OUTPUTS: dict[str, Any] = {
    "standbys": {
        "site-b": {
            "rotation": 3.0,
            "expires": "2026-11-23T21:30:00Z",
            "grant": "rhsi-site-b-grant-3",
            "vault_mount": "rhsi",
            "vault_path": "site-b/link-token",
            "secrets": {
                "postgres-application": "site-b/postgres-application",
                "postgres-replication": "site-b/postgres-replication",
                **{
                    secret: f"site-b/{secret}"
                    for secret in (
                        "edb-site-b-superuser",
                        "edb-site-b-app",
                        "edb-site-b-replicator",
                        "edb-site-a-replicator",
                        "edb-site-a-app",
                        "edb-ca",
                    )
                },
            },
        }
    },
    "routing_prefix": "site-a",
    "postgres": {
        "service": "postgres-primary",
        "primary": "postgres-primary",
        "port": 5432.0,
        "database": "app",
        "user": "appuser",
        "secret": "postgres-application",
        "password_rotation": 2.0,
    },
    "edb": {
        "site": "site-a",
        "cluster": "edb-site-a",
        "namespace": "db",
        "host": "edb-site-a-rw.db.svc.cluster.local",
        "port": 5432.0,
        "database": "app",
        "user": "app",
        "secret": "edb-site-a-app",
        "link_host": "pg-site-a.rhsi.svc.cluster.local",
        "peer": "site-b",
        "peer_host": "pg-site-b.rhsi.svc.cluster.local",
        "tls": "require",
        "publication": "site_a_pub",
        "subscription": "site_a_from_site_b",
        "password_rotation": 2.0,
        "peer_app": True,
    },
}
PRIMARY: dict[str, Any] = {
    "role": "primary",
    "cluster": {"context": "site-a"},
    "vault": {"address": "https://vault.example.com:8200"},
    "standbys": {"site-b": {"rotation": 3}},
}
STANDBY: dict[str, Any] = {
    "role": "standby",
    "primaryStack": "site-a",
    "cluster": {"context": "site-b", "apiServer": "https://api.site-b.example.com:6443"},
    "vault": {"address": "https://vault.example.com:8200"},
}


def settings_of(values: Mapping[str, Any], *, stack: str) -> settings.Settings:
    """Settings as a stack file with these values would give them; what may hold passwords is encrypted in it."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return settings.load(texts, stack=stack, secret_keys=frozenset({"postgres", "edb"}))


def secret(value: object) -> dict[str, Any]:
    """A value as the engine marks it secret."""
    return {**SECRET_MARK, "value": value}


def reveal(value: Any) -> Any:
    """The value below a secret mark."""
    return value["value"] if isinstance(value, dict) and SECRET_KEY in value else value


def shown(value: Any) -> Iterator[str]:
    """Every text of a value that anybody may read: keys and values at any depth, except below a secret mark."""
    if isinstance(value, dict):
        if SECRET_KEY in value:
            return
        for key, part in value.items():
            yield str(key)
            yield from shown(part)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from shown(part)
    else:
        yield str(value)


def forms(value: str) -> set[str]:
    """How a value is written where it shows: as it is, in base64, and as JSON writes it."""
    return {value, base64.b64encode(value.encode()).decode(), json.dumps(value)[1:-1]}


@dataclass
class Registration:
    """One resource as the program asked for it; parent and dependencies are URNs."""

    urn: str
    token: str
    name: str
    parent: str
    inputs: dict[str, Any]
    provider: str
    dependencies: set[str]
    ignore_changes: list[str]
    hide_diffs: list[str]
    delete_before_replace: bool
    replace_on_changes: list[str]
    protect: bool
    secret_outputs: list[str]
    timeouts: dict[str, str]
    aliases: list[alias_pb2.Alias]
    read_id: str = ""


@dataclass
class Graph:
    """All registrations of a run and what was registered as outputs, both by URN, and the exports of the stack."""

    resources: dict[str, Registration] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    exports: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Inputs and outputs by URN as they went to the engine: each secret is marked where the program marked it.

    In `inputs` and `outputs` a mark anywhere in a property has moved up to the whole of it.
    """

    def of_type(self, token: str) -> list[Registration]:
        """The resources of one type."""
        return [resource for resource in self.resources.values() if resource.token == token]

    def passwords(self) -> list[Registration]:
        """What keeps the passwords; the memory of the stack itself and what it was promised are kept likewise."""
        kept = self.of_type("pulumi:index:Stash")
        return [one for one in kept if one.name not in {"owner", "past"} and not one.name.endswith("-promised-paths")]

    def made(self, token: str) -> list[Registration]:
        """The resources of one type that are this stack's, without those that it only reads."""
        return [one for one in self.of_type(token) if not one.read_id]

    def one(self, token: str) -> Registration:
        """The only resource of a type."""
        (found,) = self.of_type(token)
        return found

    def named(self, token: str, name: str) -> Registration:
        """The only object of a kind with this name in its cluster."""
        (found,) = [one for one in self.made(token) if one.inputs["metadata"]["name"] == name]
        return found

    def outputs_of(self, name: str) -> dict[str, Any]:
        """What the only component with this logical name registered as outputs."""
        (found,) = [outputs for urn, outputs in self.outputs.items() if logical_name(urn) == name]
        return found

    def leaks(self, *hidden: str) -> list[str]:
        """Where one of these values shows: the URNs whose inputs or outputs hold it unmarked, and `exports`.

        The exports are the values themselves, without marks: nothing that is hidden may be among them.
        """
        wanted = {form for value in hidden for form in forms(value)}
        places = [*self.sent, ("exports", self.exports)]
        return [place for place, value in places if any(form in text for text in shown(value) for form in wanted)]

    def waits_for(self, later: Registration, earlier: Registration) -> bool:
        """Whether a resource comes after another: by itself, through others, or because a parent of it does."""
        seen: set[str] = set()
        todo = {later.urn}
        while todo:
            urn = todo.pop()
            if urn == earlier.urn:
                return later is not earlier
            if urn not in seen and urn in self.resources:
                seen.add(urn)
                todo |= self.resources[urn].dependencies | {self.resources[urn].parent}
        return False


def logical_name(urn: str) -> str:
    """The name that the program gave to a resource."""
    return urn.split("::", 3)[3]


def engine_urn(parent: str, token: str, name: str, *, stack: str) -> str:
    """A URN as the engine makes it: with the types of all components above, but not the stack's.

    Source: pulumi's sdk/go/common/resource/urn/urn.go, New.
    """
    above = parent.split("::")[2] if parent else ""
    qualified = token if above in {"", STACK} else f"{above}${token}"
    return f"urn:pulumi:{stack}::rhsi::{qualified}::{name}"


class _Providers(Mocks):
    def __init__(
        self,
        primary_outputs: Mapping[str, Any] = PRIMARY_OUTPUTS,
        grant_status: Mapping[str, Any] = GRANT_STATUS,
        applied: Mapping[str, Any] = APPLIED,
        kept: str = "",
        claims: Mapping[str, Mapping[str, str]] = types.MappingProxyType({}),
        *,
        store_spec: Mapping[str, Any] = FOUND_STORE,
        vault: Mapping[str, Mapping[str, str]] = types.MappingProxyType({}),
        preview: bool = False,
        olm: bool = True,
    ) -> None:
        self.primary_outputs, self.grant_status, self.applied = primary_outputs, grant_status, applied
        self.kept, self.claims, self.vault, self.preview = kept, claims, vault, preview
        self.store_spec, self.olm = store_spec, olm

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token == serving.FUNCTION:
            return {"result": [{"data": {"olm": json.dumps(self.olm)}}]}, []
        if args.token == "pulumi:pulumi:readStackOutputs":
            return {"name": args.args["name"], "outputs": dict(self.primary_outputs)}, []
        if not args.token.startswith("vault:kv/getSecret"):
            raise AssertionError(f"the program calls no such provider function, but called {args.token}")
        path = args.args["name"]
        if self.vault is SEALED:
            return {}, [(path, "permission denied")]
        if args.token.endswith(":getSecretV2") and path in self.vault:
            return {"data": dict(self.vault[path])}, []
        if args.token.endswith(":getSecretsListV2"):
            return {"names": [one.rpartition("/")[2] for one in self.vault if one.startswith(f"{path}/")]}, []
        return {}, [(path, "no secret found at")]

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ == "pulumi:pulumi:StackReference":
            return args.resource_id, {**state, "outputs": dict(self.primary_outputs), "secretOutputNames": []}
        if args.resource_id and (found := self._found(args.typ, args.resource_id)) is not None:
            return args.resource_id, found
        if args.typ == "pulumi:index:Stash":
            state["output"] = secret(self.kept) if self.kept else args.inputs["input"]
            if args.name == "owner":
                state["output"] = OWNER_ID
        if self.preview:
            return "", state
        if args.typ.endswith(":AccessGrant"):
            state["status"] = secret(dict(self.grant_status))
        elif args.typ.endswith((":Publication", ":Subscription")):
            state["status"] = dict(self.applied)
        elif args.typ.endswith(":Link"):
            state["status"] = {"status": "Ready", "remoteSiteName": "rhsi-primary"}
        elif args.typ.startswith("kubernetes:"):
            state["status"] = {"status": "Ready"}
        if args.typ.startswith("kubernetes:") and args.inputs.get("metadata"):
            state["metadata"] = {**args.inputs["metadata"], "uid": f"uid-of-{args.name}"}
        if args.inputs.get("type") == "kubernetes.io/service-account-token":
            state["data"] = secret({"token": "cmV2aWV3ZXI="})
        return args.resource_id or f"id-of-{args.name}", state

    def _found(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """What somebody else made."""
        if object_id in _EXISTING:
            return dict(_EXISTING[object_id])
        if object_id.endswith("/rhsi-owner"):
            return {"data": dict(self.claims.get(object_id, {"stack": "s", "id": OWNER_ID}))}
        if kind.endswith(":Site"):
            return dict(FOUND_SITE)
        return {"spec": dict(self.store_spec)} if kind.endswith("SecretStore") else None


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.graph = Graph()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine makes it."""
        return engine_urn(parent, type_, name, stack=get_stack())

    def _add(self, found: Registration, sent: struct_pb2.Struct) -> None:
        """Keep a registration; two with one URN are an error, as they are to the engine."""
        if found.token == STACK:
            # The SDK's own; whether it comes before or after the program ends is chance.
            return
        if found.urn in self.graph.resources:
            raise AssertionError(f"duplicate resource URN {found.urn}")
        self.graph.resources[found.urn] = found
        self.graph.sent.append((found.urn, json_format.MessageToDict(sent)))

    def RegisterResource(  # noqa: N802 -- the name of the RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        timeouts = request.customTimeouts
        self._add(
            Registration(
                urn=self.make_urn(request.parent, request.type, request.name),
                token=request.type,
                name=request.name,
                parent=request.parent,
                inputs=rpc.deserialize_properties(request.object),
                provider=request.provider,
                dependencies=set(request.dependencies),
                ignore_changes=list(request.ignoreChanges),
                hide_diffs=list(request.hideDiffs),
                delete_before_replace=request.deleteBeforeReplace,
                replace_on_changes=list(request.replaceOnChanges),
                protect=request.protect,
                secret_outputs=list(request.additionalSecretOutputs),
                timeouts={"create": timeouts.create, "update": timeouts.update, "delete": timeouts.delete},
                aliases=list(request.aliases),
            ),
            request.object,
        )
        return cast("resource_pb2.RegisterResourceResponse", MockMonitor.RegisterResource(self, request))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802 -- the name of the RPC
        self._add(
            Registration(
                urn=self.make_urn(request.parent, request.type, request.name),
                token=request.type,
                name=request.name,
                parent=request.parent,
                inputs=rpc.deserialize_properties(request.properties),
                provider=request.provider,
                dependencies=set(request.dependencies),
                ignore_changes=[],
                hide_diffs=[],
                delete_before_replace=False,
                replace_on_changes=[],
                protect=False,
                secret_outputs=list(request.additionalSecretOutputs),
                timeouts={},
                aliases=[],
                read_id=request.id,
            ),
            request.properties,
        )
        return MockMonitor.ReadResource(self, request)

    def RegisterResourceOutputs(  # noqa: N802 -- the name of the RPC
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        self.graph.outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        self.graph.sent.append((request.urn, json_format.MessageToDict(request.outputs)))
        return empty_pb2.Empty()


def record(
    values: Mapping[str, Any],
    *,
    stack: str,
    preview: bool = False,
    primary_outputs: Mapping[str, Any] | None = None,
    grant_status: Mapping[str, Any] | None = None,
    kept: str = "",
    claims: Mapping[str, Mapping[str, str]] | None = None,
    store_spec: Mapping[str, Any] = FOUND_STORE,
    published: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(PUBLISHED),
    vault: Mapping[str, Mapping[str, str]] = types.MappingProxyType({}),
    olm: bool = True,
) -> Graph:
    """Run the site that the settings describe and return what it registered.

    Args:
        values: the keys below `rhsi:`.
        stack: the stack's name.
        preview: whether this is one.
        primary_outputs: what the primary's stack tells a standby.
        grant_status: what the Skupper controller says of the grant.
        kept: what each password's Stash holds already.
        claims: who owns a namespace by now, by `<namespace>/rhsi-owner`; this stack where it is not named.
        store_spec: of the store that exists already.
        published: what the cluster publishes of its tokens, by path; what is missing cannot be read.
        vault: the secrets that may be read, by path.
        olm: whether the cluster has OLM.

    Raises:
        Exception: whatever the program raised, in its body or in an apply.
    """
    outputs = PRIMARY_OUTPUTS if primary_outputs is None else primary_outputs
    mocks = _Providers(
        outputs,
        grant_status or GRANT_STATUS,
        kept=kept,
        claims=claims or {},
        store_spec=store_spec,
        vault=vault,
        preview=preview,
        olm=olm,
    )

    async def read_path(context: str, path: str) -> Mapping[str, Any]:
        if path not in published:
            raise issuer.IssuerError(f"nobody may ask {context} for {path}")
        return published[path]

    with mock.patch.object(issuer, "read_path", read_path):
        return _run(lambda: sites.build(settings_of(values, stack=stack)).exports, mocks, stack=stack)


def record_component(
    build: Callable[[], Mapping[str, pulumi.Input[Any]]], *, preview: bool = False, applied: Mapping[str, Any] = APPLIED
) -> Graph:
    """Run a part of a site on its own and return what it registered, with what `build` returns as exports.

    Raises:
        Exception: whatever the program raised, in its body or in an apply.
    """
    return _run(build, _Providers(applied=applied, preview=preview), stack="site-a")


def _run(build: Callable[[], Mapping[str, pulumi.Input[Any]]], mocks: _Providers, *, stack: str) -> Graph:
    # A program that fails leaves futures that nobody looks at; Pulumi's language host silences asyncio's remarks too.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    monitor = _Monitor(mocks)
    pulumi.runtime.set_mocks(
        mocks, project="rhsi", stack=stack, preview=mocks.preview, monitor=monitor, organization="acme"
    )

    def program() -> pulumi.Output[Any]:
        return pulumi.Output.all(**build()).apply(monitor.graph.exports.update)

    pulumi.runtime.test(program)()
    return monitor.graph
