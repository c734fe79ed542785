"""Whatever stands in a stack file, or in another stack's outputs, is read or refused in words; nothing else is raised.

Property-based: the places come from the classes that the program reads with, the values are of every shape and size.
"""

import itertools
import json
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydantic import BaseModel

from components import outputs, settings
from components.edb.backup import object_store_spec, scheduled_backup_spec
from components.edb.cluster import EdbClusterArgs, cluster_spec
from components.edb.options import pooler_spec
from components.edb.placement import placed_pooler
from components.edb.registry import docker_config_template
from components.edb.schema import schema_sql
from components.link.grant import LinkGrantArgs, grant_spec, link_token
from components.link.rotation import rotation_commands
from components.network_policies import cluster_policies, site_policies
from components.postgres.parameters import assignments, effective
from components.postgres.replication import standby_args
from components.postgres.server import stateful_set_spec
from components.script_job import ScriptJobArgs, job_spec
from components.secret_store import store_spec
from components.settings import Settings
from components.sites.edb import cluster_args
from components.sites.network_policies import cluster_flows, site_flows
from components.sites.peer import peer_edb, peer_grant, peer_postgres, peer_routing_prefix, published_path
from components.sites.postgres import server_shape
from components.sites.runtimes import edb_runtime, kubectl_runtime, postgres_runtime
from components.sites.services import export_args
from components.sites.skupper import router_access_args
from components.sites.vault import kubernetes_auth_args, login_args, secret_store_args
from components.skupper.router_access import router_access_spec
from components.skupper.services import connector_spec
from components.vault.jwt_auth import subjects
from components.vault.kubernetes_auth import role_audience
from components.vault.login import policy_hcl
from tests.unit.recorder import GRANT_STATUS, PRIMARY_OUTPUTS, STANDBY, settings_of
from tests.unit.urns import VARIANTS

bounded = profile(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

# Texts that formats and parsers stumble over: digits that are none in ASCII, what UTF-8 or a line cannot carry, sizes.
NASTY = [
    *(
        "",
        " ",
        "\x00",
        "a\nb",
        "a\rb",
        "\u2028",
        "\ud800",
        "\ufeff",
        "é",
        "٣h",
        "\uff11h",
        "²",
        "K" * 300,
        "x" * 20_000,
    ),
    *("9" * 400 + "h", "9" * 5000, "1e400h", "0h", "-1h", "1" * 63, "9" * 400 + "Gi", "0.0", "9" * 40 + "GB"),
    *("http://[", "http://[::1", "http://a:99999999", "https://a:b", "http://℀.com", "https://\u2100", "//", "a" * 64),
    *("-----BEGIN CERTIFICATE-----", "-----BEGIN A-----\n-----END A-----", "-----BEGIN CERTIFICATE-----\né"),
    *("2026-11-23T21:30:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z"),
    *("NaN", "Infinity", "null", "[", "{", '{"a": 1, "a": 2}', "[" * 20_000, '{"a":' * 20_000),
]
CHARACTERS = st.characters(exclude_categories=())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63, 10**400]),
    st.floats(),
    st.text(CHARACTERS, max_size=20),
    st.sampled_from(NASTY),
)
KEYS = st.one_of(st.text(CHARACTERS, max_size=8), st.sampled_from(["[key]", "", ".", "a.b", "site-a", "\ud800", "x"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The sections in an annotation: itself, or what its map holds."""
    inner = [annotation, *typing.get_args(annotation)]
    return [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]


def places(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every setting; an entry of a map has the key `site-b`."""
    for field in model.model_fields.values():
        here = (*path, str(field.alias))
        yield here
        is_map = typing.get_origin(field.annotation) is dict
        inside = (*here, "site-b") if is_map else here
        if is_map:
            yield inside
        for one in sections(field.annotation):
            yield from places(one, inside)


PLACES = list(places(Settings))


def changed(values: Any, path: tuple[str, ...], value: Any) -> Any:
    """A tree with another value at one place, and maps on the way there."""
    if not path:
        return value
    first, *rest = path
    inner = values if isinstance(values, Mapping) else {}
    return {**inner, first: changed(inner.get(first), tuple(rest), value)}


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as Pulumi hands them over."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def loaded(config: Mapping[str, str], stack: str) -> Settings | None:
    """The settings; None where they are refused, in lines that any terminal and protocol can carry."""
    try:
        return settings.load(config, stack=stack, secret_keys=frozenset({"postgres"}))
    except settings.SettingsError as refusal:
        heading, *lines = str(refusal).split("\n")
        assert heading == f"The settings of stack {stack} cannot be used:"
        assert lines
        assert all(line.startswith("  - ") and line.isprintable() for line in lines), lines
        return None


def transported(value: Any) -> None:
    """What the engine gets must be what its protocol carries."""
    json_format.ParseDict(json.loads(json.dumps({"value": value}, allow_nan=False)), struct_pb2.Struct())
    json.dumps(value, ensure_ascii=False).encode()


class Auth:
    """What a store needs of the login."""

    auth_path, role = "kubernetes-site-b", "rhsi-site-b"


def build(found: Settings) -> None:
    """Every manifest that follows from settings alone."""
    cluster: EdbClusterArgs = cluster_args(found)
    namespace = found.cluster.namespace
    transported(cluster_spec(cluster))
    transported(object_store_spec(cluster.backup, cluster.sidecar_resources))
    transported(scheduled_backup_spec(cluster.backup, "edb"))
    transported(pooler_spec(cluster.pooler, "edb"))
    transported(schema_sql(found.site, [found.site, found.edb_peer], {}, given=False))
    transported(docker_config_template(found.edb.registry.server, found.edb.registry.user))
    server = standby_args(
        namespace=namespace,
        shape=server_shape(found),
        site=found.site,
        primary_parameters=assignments(effective({})),
        replication_secret="secret",
    )
    transported(stateful_set_spec(server))
    transported(store_spec(secret_store_args(found, namespace, Auth(), "reader")))  # type: ignore[arg-type] # two names are enough
    auth = kubernetes_auth_args(found, "CA")
    transported(subjects(login_args(found)))
    transported([role_audience(auth), policy_hcl(auth.kv_mount, auth.site, auth.shared), vars(auth)])
    transported([site_policies(site_flows(found)), cluster_policies(cluster_flows(found))])
    transported(
        placed_pooler(pooler_spec(cluster.pooler, "edb"), cluster.pod, cluster.pull_secret, cluster.pooler_resources)
    )
    for runtime in (kubectl_runtime(found), edb_runtime(found), postgres_runtime(found)):
        job = ScriptJobArgs(
            job="job",
            account="account",
            namespace=namespace,
            script="",
            environment={},
            rules=[],
            has_rights_elsewhere=False,
            secrets={},
            runtime=runtime,
            repeatable=True,
        )
        transported(job_spec(job))
    for standby, wanted in found.standbys.items():
        grant = LinkGrantArgs(
            standby=standby,
            rotation=wanted.rotation + found.revoke,
            namespace=namespace,
            vault_mount=found.vault.mount,
            vault_folder=found.vault.below(standby),
            expiration_window=wanted.expiration_window,
            redemptions_allowed=wanted.redemptions,
            timeout=found.timeouts.grant,
            ha=found.skupper.ha,
        )
        transported(grant_spec(grant))
        transported(rotation_commands("site-a", standby, grant.rotation, "site-b"))
    for service in found.services.exports:
        transported(connector_spec(export_args(found, service, found.routing_prefix), "key"))
    if found.skupper.router_access:
        transported(router_access_spec(router_access_args(found, found.skupper.router_access)))
    transported([found.claim_seconds, found.smoke_test_seconds, found.auth_path, found.postgres_user])


BASES = [
    "primary",
    "primary with everything",
    "standby with everything",
    "standby that owns little",
    "primary under a platform's rules",
]


@bounded
@given(base=st.sampled_from(BASES), path=st.sampled_from(PLACES), value=VALUES)
@example(base="primary", path=("standbys", "site-b", "rotation"), value=10**400)
@example(base="standby with everything", path=("timeouts", "claim"), value="9" * 400 + "h")
@example(base="standby with everything", path=("vault", "audiences"), value=5)
def test_a_setting_of_any_shape_is_refused_in_words_or_builds(base: str, path: tuple[str, ...], value: Any) -> None:
    variant = VARIANTS[base]
    if found := loaded(texts(changed(variant.settings, path, value)), variant.stack):
        build(found)


@pytest.mark.parametrize(
    ("path", "base"),
    # Most mistakes are looked for in both roles, so that each place is tried in one of them.
    list(zip(PLACES, itertools.cycle(["primary with everything", "standby with everything"]), strict=False)),
    ids=[".".join(path) for path in PLACES],
)
def test_every_setting_bears_every_text_that_is_hard_to_read(path: tuple[str, ...], base: str) -> None:
    variant = VARIANTS[base]
    for value in [*NASTY, None, True, 5, -1, 2.5, [], ["x"], {}, {"x": "x"}, 10**400, float("nan"), float("inf")]:
        if found := loaded(texts(changed(variant.settings, path, value)), variant.stack):
            build(found)


@bounded
@given(config=st.dictionaries(st.one_of(KEYS, st.sampled_from([path[0] for path in PLACES])), st.sampled_from(NASTY)))
def test_a_stack_file_of_any_texts_is_refused_in_words(config: dict[str, str]) -> None:
    loaded(config, "site-b")


def refusal(call: Callable[[], object]) -> str:
    """What the program says of a mistake; nothing where there is none."""
    try:
        call()
    except pulumi.RunError as error:
        return str(error)
    return ""


READERS: dict[str, Callable[[Any, Settings], object]] = {
    "standbys": lambda value, found: (peer_grant(value, found), published_path(value, found, "edb-site-b-app")),
    "postgres": peer_postgres,
    "edb": peer_edb,
    "routing_prefix": peer_routing_prefix,
}
READER = settings_of({**STANDBY, "edb": {"enabled": True, "operator": "community", "smokeTest": True}}, stack="site-b")


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place in a tree."""
    yield path
    for name, one in value.items() if isinstance(value, Mapping) else ():
        yield from paths(one, (*path, name))


@bounded
@given(path=st.sampled_from([path for path in paths(PRIMARY_OUTPUTS) if path]), value=VALUES)
def test_an_output_of_any_shape_is_read_or_refused_in_words(path: tuple[str, ...], value: Any) -> None:
    told = changed(PRIMARY_OUTPUTS, path, value)
    said = refusal(lambda: READERS[path[0]](told[path[0]], READER))
    assert not said or ("site-a" in said and said.isprintable())


@bounded
@given(value=VALUES, shape=st.sampled_from([outputs.Primary, outputs.Standby, outputs.Grant, outputs.Service]))
def test_outputs_of_another_program_are_refused_in_words(value: Any, shape: type) -> None:
    with pytest.raises(outputs.OutputError):
        outputs.read(shape, value, stack="site-a", path="standbys")


@bounded
@given(field=st.sampled_from(sorted(GRANT_STATUS)), value=VALUES)
def test_a_grant_of_any_shape_is_published_whole_or_not_at_all(field: str, value: Any) -> None:
    said = refusal(lambda: transported(link_token({**GRANT_STATUS, field: value}, "rhsi/grant", 1)))
    assert not said or "so nothing was written to Vault" in said
