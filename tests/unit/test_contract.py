"""Every custom object that the program registers, held against upstream's own CRDs and those of the lab."""

import dataclasses
import functools
import json

import jsonschema
import pytest

from components import container_resources
from components.custom_resource import POSTGRES_OPERATORS
from components.edb.backup import RecoveryArgs
from components.edb.cluster import EdbCluster
from components.edb.logical_replication import LogicalReplication
from components.edb.options import PoolerArgs
from lab.stand_ins.cnpg import crds as cnpg
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB
from lab.stand_ins.skupper import crds as skupper
from tests.arguments import edb_cluster, edb_replication
from tests.unit.crd_contract import Definition, load, schemas
from tests.unit.recorder import PRIMARY, STANDBY, Graph, record, record_component

RULES = {
    "labels": {"example.com/team": "payments"},
    "annotations": {"example.com/contact": "team@example.com"},
    "pods": {
        "imagePullSecrets": ["mirror"],
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
        "priorityClassName": "high",
        "completeResources": True,
    },
    "networkPolicies": {"enabled": True},
}
OPTIONS = {
    "standby with every option": {
        **STANDBY,
        "vault": {
            **STANDBY["vault"],
            "namespace": "team",
            "audiences": ["vault", "https://kubernetes.default.svc"],
        },
    },
    "standby with the login jwt": {
        **STANDBY,
        "vault": {
            **STANDBY["vault"],
            "login": "jwt",
            "namespace": "team/kv",
            "authNamespace": "team",
            "caProvider": {"name": "vault-ca"},
            "clientTls": {"certSecretRef": {"name": "vault"}, "keySecretRef": {"name": "vault"}},
            "refreshInterval": "5m",
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
    "primary with a way in of its own": {
        **PRIMARY,
        "skupper": {
            "siteName": "hub",
            "ha": True,
            "linkAccess": "none",
            "routerAccess": {
                "accessType": "ingress",
                "bindHost": "127.0.0.1",
                "settings": {"ingressClassName": "haproxy"},
            },
        },
        "services": {
            "exports": {
                "pods": {"selector": "app=x", "port": 80, "includeNotReadyPods": True},
                "host": {
                    "host": "x.example.com",
                    "port": 443,
                    "tlsCredentials": "server-ca",
                    "useClientCert": True,
                    "verifyHostname": True,
                },
            },
            "imports": {"web": {"port": 443, "tlsCredentials": "web", "observer": "http1"}},
        },
    },
    "standby with services": {
        **STANDBY,
        "postgres": {"enabled": True, "smokeTest": True},
        "services": {"imports": {"orders": {"port": 80}}},
    },
    "primary with databases": {**PRIMARY, "edb": {"enabled": True, "registry": {"token": "t"}}},
    "primary under rules": {**PRIMARY, **RULES, "edb": {"enabled": True, "operator": "community"}},
    "standby under rules": {
        **STANDBY,
        **RULES,
        "postgres": {"enabled": True},
        "edb": {"enabled": True, "operator": "community", "pooler": {"instances": 1}},
    },
    "standby with databases": {**STANDBY, "edb": {"enabled": True, "smokeTest": True}},
}
# The kinds that a variant adds to those of every site with its role.
DATABASES = ["Cluster", "Connector", "Listener", "Publication", "Subscription"]
ADDED = {
    "primary under rules": DATABASES,
    "standby under rules": [*DATABASES, "SecretStore", "Pooler", "Listener", *["ExternalSecret"] * 6],
    "primary with services": ["Connector", "Connector"],
    "primary with a way in of its own": ["Connector", "Connector", "Listener", "RouterAccess"],
    "standby with services": ["ExternalSecret", "ExternalSecret", "Listener", "Listener"],
    "primary with databases": DATABASES,
    "standby with databases": [*DATABASES, "SecretStore", *["ExternalSecret"] * 6],
}


@functools.cache
def upstream() -> dict[str, Definition]:
    """Upstream's schemas; EDB's kinds are the community's under another group, as its own CRDs have them."""
    community, plugin = list(load("cloudnative-pg").values()), load("plugin-barman-cloud").values()
    edb = json.loads(json.dumps(community).replace(COMMUNITY.name, EDB.name))
    return schemas([*load("skupper").values(), *load("external-secrets").values(), *plugin, *community, *edb])


@functools.cache
def lab() -> dict[str, Definition]:
    """What the lab's API servers enforce."""
    return schemas([*skupper.definitions(), *cnpg.definitions(), *load("external-secrets-of-the-lab").values()])


PLUGIN = "barmancloud.cnpg.io"
SCHEMAS = {"upstream": upstream, "lab": lab}
GROUPS = {f"kubernetes:{group}" for group in ("skupper.io", "external-secrets.io", PLUGIN, COMMUNITY.name, EDB.name)}
"""Each kind of these groups has to be known; `observability.skupper.io` has no definition upstream."""


def strict(schema: Definition) -> Definition:
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
        if resource.read_id or resource.token.split("/")[0] not in GROUPS:
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
        pooler_resources=container_resources.POOLER,
        sidecar_resources=container_resources.BACKUP,
        recovery=RecoveryArgs(server_name="edb-site-a", target_time="2026-11-23T21:30:00Z"),
    )
    none = edb_cluster(operator=operator)
    backup = dataclasses.replace(
        none.backup,
        destination_path="s3://backups",
        endpoint_url="https://store",
        endpoint_ca="store-ca",
        credentials="s3",
        region_key="REGION",
        server_name="edb-site-a-2",
        compression="lz4",
        wal_compression="zstd",
        encryption="aws:kms",
        data_jobs=4,
        wal_max_parallel=8,
        tags={"team": "databases"},
    )
    wanted = dataclasses.replace(wanted, backup=backup)
    by_role = dataclasses.replace(
        none, backup=dataclasses.replace(none.backup, destination_path="s3://b", iam_role="arn:aws:iam::1:role/b")
    )
    half = edb_replication(operator=operator)
    kinds = ["Cluster", "ObjectStore", "Pooler", "Publication", "ScheduledBackup", "Subscription"]
    graph = record_component(
        lambda: {"cluster": EdbCluster("db", wanted).cluster, "slot": LogicalReplication("half", half).subscription}
    )
    assert validated(graph, source) == kinds
    assert validated(record_component(lambda: {"cluster": EdbCluster("db", none).cluster}), source) == ["Cluster"]
    few = ["Cluster", "ObjectStore", "ScheduledBackup"]
    assert validated(record_component(lambda: {"cluster": EdbCluster("db", by_role).cluster}), source) == few


def test_the_runbooks_secured_access_would_have_been_found() -> None:
    spec = strict(upstream()["kubernetes:skupper.io/v2alpha1:AccessGrant"]["properties"]["spec"])
    with pytest.raises(jsonschema.ValidationError, match="securedAccess"):
        jsonschema.Draft202012Validator(spec).validate({"securedAccess": {"name": "skupper-grant-server"}})
