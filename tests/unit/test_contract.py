"""Every custom object that the program registers, held against upstream's own CRDs and the lab's.

The CRDs lie beside the checkout (`../shared/crds`) and are no part of the project; without them the tests are skipped.
"""

import dataclasses
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.custom_resource import POSTGRES_OPERATORS
from components.edb.cluster import EdbCluster
from components.edb.logical_replication import LogicalReplication
from components.edb.options import PoolerArgs, RecoveryArgs
from lab.stand_ins.cnpg import crds as cnpg
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB
from lab.stand_ins.skupper import crds as skupper
from tests.arguments import edb_cluster, edb_replication
from tests.unit.recorder import PRIMARY, STANDBY, Graph, record, record_component

CRDS = Path(__file__).parents[3] / "shared" / "crds"
pytestmark = pytest.mark.skipif(not CRDS.is_dir(), reason="../shared/crds with upstream's CRDs is absent")

OPTIONS = {
    "standby with every option": {
        **STANDBY,
        "vault": {
            **STANDBY["vault"],
            "namespace": "team",
            "audiences": ["vault", "https://kubernetes.default.svc"],
        },
    },
    "standby": STANDBY,
    "primary": PRIMARY,
    "primary after a revocation": {**PRIMARY, "revoke": 1},
    "primary with services": {
        **PRIMARY,
        "postgres": {"enabled": True},
        "services": {"exports": {"orders": {"host": "orders.shop.svc", "port": 80}}},
    },
    "standby with services": {
        **STANDBY,
        "postgres": {"enabled": True, "smokeTest": True},
        "services": {"imports": {"orders": {"port": 80}}},
    },
    "primary with databases": {**PRIMARY, "edb": {"enabled": True, "registry": {"token": "t"}}},
    "standby with databases": {**STANDBY, "edb": {"enabled": True, "smokeTest": True}},
}
# The kinds that a variant adds to those of every site with its role.
DATABASES = ["Cluster", "Connector", "Listener", "Publication", "Subscription"]
ADDED = {
    "primary with services": ["Connector", "Connector"],
    "standby with services": ["ExternalSecret", "ExternalSecret", "Listener", "Listener"],
    "primary with databases": DATABASES,
    "standby with databases": [*DATABASES, "SecretStore", *["ExternalSecret"] * 6],
}


def schemas(definitions: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Schemas by Pulumi type token."""
    found = {}
    for crd in definitions:
        spec = crd["spec"]
        for version in spec["versions"]:
            token = f"kubernetes:{spec['group']}/{version['name']}:{spec['names']['kind']}"
            found[token] = version["schema"]["openAPIV3Schema"]
    return found


@functools.cache
def upstream() -> dict[str, dict[str, Any]]:
    """Upstream's schemas; EDB's kinds are the community's under another group (facts: cnpg.md, section 8)."""
    texts = [file.read_text() for file in sorted(CRDS.glob("*/*.yaml"))]
    texts += [text.replace(COMMUNITY.name, EDB.name) for text in texts if COMMUNITY.name in text]
    return schemas(crd for text in texts for crd in yaml.load_all(text, Loader=yaml.CSafeLoader))


@functools.cache
def lab() -> dict[str, dict[str, Any]]:
    """What the lab's API servers enforce; External Secrets' kinds are there as upstream has them."""
    return upstream() | schemas([*skupper.definitions(), *cnpg.definitions()])


SCHEMAS = {"upstream": upstream, "lab": lab}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as an API server applies it with strict field validation: unknown fields are errors."""
    closed = {key: value for key, value in schema.items() if key not in {"properties", "items", "additionalProperties"}}
    if "properties" in schema:
        closed["properties"] = {key: strict(value) for key, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            closed[key] = strict(schema[key])
    return closed


@pytest.mark.parametrize("source", SCHEMAS)
@pytest.mark.parametrize("variant", OPTIONS)
def test_every_custom_object_is_valid_for_upstream_and_for_the_lab(variant: str, source: str) -> None:
    role = variant.split(maxsplit=1)[0]
    graph = record(OPTIONS[variant], stack="site-a" if role == "primary" else "site-b")
    expected = {"primary": ["AccessGrant", "Site"], "standby": ["ExternalSecret", "SecretStore", "Site"]}[role]
    assert validated(graph, source) == sorted([*expected, *ADDED.get(variant, [])])


def validated(graph: Graph, source: str) -> list[str]:
    """The kinds that were held against these schemas; a fault is raised."""
    known = SCHEMAS[source]()
    checked = []
    for resource in graph.resources.values():
        if resource.read_id or resource.token not in upstream():
            continue
        spec = strict(known[resource.token]["properties"]["spec"])
        jsonschema.Draft202012Validator(spec).validate(resource.inputs["spec"])
        checked.append(resource.token.split(":")[-1])
    return sorted(checked)


@pytest.mark.parametrize("source", SCHEMAS)
@pytest.mark.parametrize("operator", POSTGRES_OPERATORS)
def test_every_object_of_a_database_is_valid_for_upstream_and_for_the_lab(operator: str, source: str) -> None:
    wanted = edb_cluster(
        operator=operator,
        image="postgresql:16",
        tls="verify-full",
        pull_secret="edb-repos2-token",
        instances=3,
        synchronous_replicas=1,
        storage_class="fast",
        resources={"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        parameters={"work_mem": "8MB"},
        pooler=PoolerArgs(instances=2, mode="session"),
        recovery=RecoveryArgs(server_name="edb-site-a", target_time="2026-11-23T21:30:00Z"),
    )
    none = edb_cluster(operator=operator)
    backup = dataclasses.replace(
        none.backup, destination_path="s3://backups", credentials="s3", server_name="edb-site-a-2"
    )
    wanted = dataclasses.replace(wanted, backup=backup)
    half = edb_replication(operator=operator)
    kinds = ["Cluster", "Pooler", "Publication", "ScheduledBackup", "Subscription"]
    graph = record_component(
        lambda: {"cluster": EdbCluster("db", wanted).cluster, "slot": LogicalReplication("half", half).subscription}
    )
    assert validated(graph, source) == kinds
    assert validated(record_component(lambda: {"cluster": EdbCluster("db", none).cluster}), source) == ["Cluster"]


def test_the_runbooks_secured_access_would_have_been_found() -> None:
    spec = strict(upstream()["kubernetes:skupper.io/v2alpha1:AccessGrant"]["properties"]["spec"])
    with pytest.raises(jsonschema.ValidationError, match="securedAccess"):
        jsonschema.Draft202012Validator(spec).validate({"securedAccess": {"name": "skupper-grant-server"}})
