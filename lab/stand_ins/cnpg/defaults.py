"""What defaulting writes into a Cluster's spec (upstream: api/v1/cluster_defaults.go).

A live spec is therefore larger than the one that was applied: whoever compares the two must know it.
"""

import copy

from lab.kube import Manifest
from lab.stand_ins.cnpg import parameters

IMAGE = "ghcr.io/cloudnative-pg/postgresql:18.6-system-trixie"
"""The operator's default image: a Cluster that names none asks for PostgreSQL 18."""
MONITORING_QUERIES = {"name": "cnpg-default-monitoring", "key": "queries"}


def with_defaults(cluster: Manifest) -> Manifest:
    """The Cluster with every default in its spec."""
    result = copy.deepcopy(cluster)
    spec = result["spec"]
    if "imageName" not in spec and "imageCatalogRef" not in spec:
        spec["imageName"] = IMAGE
    bootstrap = spec.setdefault("bootstrap", {})
    if "recovery" in bootstrap:
        _database(bootstrap["recovery"])
    else:
        initdb = bootstrap.setdefault("initdb", {})
        _database(initdb)
        for key, value in {"encoding": "UTF8", "localeCollate": "C", "localeCType": "C"}.items():
            initdb[key] = initdb.get(key) or value
    affinity = spec.setdefault("affinity", {})
    if affinity.get("enablePodAntiAffinity", True) and not affinity.get("podAntiAffinityType"):
        affinity["podAntiAffinityType"] = "preferred"
    postgresql = spec.setdefault("postgresql", {})
    postgresql["parameters"] = parameters.in_spec(postgresql.get("parameters", {}))
    if (synchronous := postgresql.get("synchronous")) and not synchronous.get("dataDurability"):
        synchronous["dataDurability"] = "required"
    monitoring = spec.setdefault("monitoring", {})
    queries = monitoring.setdefault("customQueriesConfigMap", [])
    if not monitoring.get("disableDefaultQueries") and MONITORING_QUERIES["name"] not in [
        one["name"] for one in queries
    ]:
        queries.insert(0, dict(MONITORING_QUERIES))
    if not queries:
        del monitoring["customQueriesConfigMap"]
    slots = spec.setdefault("replicationSlots", {})
    slots.setdefault("highAvailability", {"enabled": True, "slotPrefix": "_cnpg_"})
    slots.setdefault("synchronizeReplicas", {"enabled": True})
    liveness = spec.setdefault("probes", {}).setdefault("liveness", {})
    liveness.setdefault("isolationCheck", {"enabled": True, "requestTimeout": 1000, "connectionTimeout": 1000})
    return result


def _database(bootstrap: Manifest) -> None:
    bootstrap["database"] = bootstrap.get("database") or "app"
    bootstrap["owner"] = bootstrap.get("owner") or bootstrap["database"]
