"""The URNs of both stacks with everything on, and how the engine finds a resource of an old state again.

`python -m tests.unit.urns > tests/unit/fixtures/urns.json` writes the golden list anew: for new resources, never to let
a resource go that somebody's stack has. `urns-before.json` is the list of the program before its modules moved (commit
0e46f39) and never changes: stacks of that time are alive.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pulumi.runtime.proto import alias_pb2

from tests.unit.recorder import (
    PRIMARY,
    PRIMARY_OUTPUTS,
    STACK,
    STANDBY,
    Graph,
    Registration,
    engine_urn,
    record,
    reveal,
)

FIXTURES = Path(__file__).parent / "fixtures"

POSTGRES = {"enabled": True}
SERVICES = {
    "exports": {"orders": {"host": "orders.shop.svc", "port": 80}, "stock": {"selector": "app=stock", "port": 81}},
    "imports": {"prices": {"port": 82}},
}
EDB = {
    "enabled": True,
    "smokeTest": True,
    "tls": "verify-full",
    "instances": 3,
    "synchronousReplicas": 1,
    "monitoring": True,
    "pooler": {"instances": 2},
    "backup": {"destinationPath": "s3://backups/rhsi", "credentials": "s3"},
}
# What a platform asks of everything in its namespaces.
RULES: dict[str, Any] = {
    "labels": {"example.com/team": "payments"},
    "annotations": {"example.com/contact": "team@example.com"},
    "pods": {"imagePullSecrets": ["mirror"], "completeResources": True},
    "images": {"registry": "mirror.example.com"},
    "networkPolicies": {"enabled": True},
}
OPERATORS = {"skupper": {"enabled": True}, "networkObserver": {"enabled": True}, "database": {"enabled": True}}
VERIFY_FULL = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], "tls": "verify-full"}}
# Of the form that the settings want; the key is empty and assembled so that no scanner takes it for a real one.
CERTIFICATE = (FIXTURES / "authority.pem").read_text()
EC_KEY = f"-----BEGIN {'EC PRIVATE'} KEY-----\nAAAA\n-----END {'EC PRIVATE'} KEY-----\n"
EDB_PRIMARY = {
    **EDB,
    "peer": "site-b",
    "registry": {"token": "the-token"},
    "ca": {"certificate": CERTIFICATE, "key": EC_KEY},
    "passwords": {"edb-site-a-app": "a-given-password"},
}


USER = "postgres-user-orders-app"
# Every part of the streaming database that is off by default.
STREAMING = {
    "enabled": True,
    "version": 16,
    "users": {"orders_app": {}},
    "pgHba": ["host orders orders_app 10.0.0.0/8 scram-sha-256"],
    "podDisruptionBudget": True,
    "monitoring": True,
}
OF_USERS = {
    **PRIMARY_OUTPUTS,
    "standbys": {
        "site-b": {
            **PRIMARY_OUTPUTS["standbys"]["site-b"],
            "secrets": {**PRIMARY_OUTPUTS["standbys"]["site-b"]["secrets"], USER: f"site-b/{USER}"},
        },
        "site-c": {},
    },
}
OWN_TABLES = {"enabled": True, "operator": "community", "smokeTest": True, "initSql": ["CREATE SCHEMA sales"]}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to set a stack up."""

    stack: str
    settings: Mapping[str, Any]
    primary_outputs: Mapping[str, Any] = field(default_factory=lambda: PRIMARY_OUTPUTS)
    vault: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


BACKUP = {"destinationPath": "s3://backups/rhsi", "credentials": "s3"}

VARIANTS = {
    "primary": Variant(stack="site-a", settings=PRIMARY),
    "primary with everything": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            "standbys": {"site-b": {"rotation": 3}, "site-c": {}},
            "revoke": 1,
            "services": SERVICES,
            "networkObserver": {"enabled": True},
            "postgres": POSTGRES,
            "edb": EDB_PRIMARY,
        },
    ),
    "primary under a platform's rules": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            **RULES,
            "services": SERVICES,
            "postgres": POSTGRES,
            "edb": {"enabled": True, "operator": "community", "pooler": {"instances": 1}},
        },
    ),
    "primary with databases of the community": Variant(
        stack="site-a", settings={**PRIMARY, "edb": {"enabled": True, "operator": "community"}}
    ),
    "primary that owns little": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            "cluster": {**PRIMARY["cluster"], "createNamespace": False, "platform": "kubernetes"},
            "vault": {**PRIMARY["vault"], "manageMount": False},
            "edb": {
                "enabled": True,
                "createNamespace": False,
                "subscribe": False,
                "registry": {"token": "the-token", "manageToken": False},
                "backup": {"destinationPath": "s3://backups/rhsi", "serverName": "edb-site-a-2"},
                "recovery": {"serverName": "edb-site-a"},
            },
        },
    ),
    "primary with a whole streaming database": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            "standbys": {"site-b": {"rotation": 3}, "site-c": {}},
            "postgres": {**STREAMING, "databases": {"orders": {"owner": "orders_app"}}, "manageSlots": True},
        },
    ),
    "primary with a streaming database that is backed up": Variant(
        stack="site-a", settings={**PRIMARY, "postgres": {"enabled": True, "backup": BACKUP}}
    ),
    "primary with a promoted standby": Variant(
        stack="site-a", settings={**PRIMARY, "postgres": {**POSTGRES, "promotedStandby": "site-b"}}
    ),
    "primary with tables of its own": Variant(
        stack="site-a",
        settings={**PRIMARY, "edb": {**OWN_TABLES, "publish": {"tables": ["sales.orders"], "schemas": ["crm"]}}},
        vault={"site-b/edb-published": {"stock.levels": "table"}},
    ),
    "standby with tables of its own": Variant(
        stack="site-b",
        settings={**STANDBY, "edb": {**OWN_TABLES, "publish": {"tables": ["stock.levels"]}}},
        primary_outputs={
            **PRIMARY_OUTPUTS,
            "edb": {**PRIMARY_OUTPUTS["edb"], "published": {"sales.orders": "table", "crm": "schema"}},
        },
    ),
    "primary with a way in of its own": Variant(
        stack="site-a",
        settings={**PRIMARY, "skupper": {"siteName": "hub", "linkAccess": "none", "routerAccess": {}, "ha": True}},
    ),
    "primary in a site that exists": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            "cluster": {**PRIMARY["cluster"], "createNamespace": False},
            "skupper": {"existingSite": "hub"},
        },
    ),
    "primary with operators": Variant(
        stack="site-a",
        settings={
            **PRIMARY,
            "networkObserver": {"enabled": True},
            "edb": {"enabled": True, "registry": {"token": "the-token"}},
            "operators": OPERATORS,
        },
    ),
    "standby": Variant(stack="site-b", settings=STANDBY),
    "standby with everything": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "vault": {
                **STANDBY["vault"],
                "namespace": "team",
                "reviewer": "token",
                "audiences": ["vault", "https://kubernetes.default.svc"],
            },
            "services": SERVICES,
            "networkObserver": {"enabled": True},
            "postgres": {**POSTGRES, "smokeTest": True},
            "edb": EDB,
        },
        primary_outputs=VERIFY_FULL,
    ),
    "standby under a platform's rules": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            **RULES,
            "services": SERVICES,
            "postgres": {**POSTGRES, "smokeTest": True},
            "edb": {"enabled": True, "operator": "community", "smokeTest": True, "pooler": {"instances": 1}},
        },
    ),
    "standby that Vault cannot reach": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "cluster": {"context": "site-b"},
            "vault": {
                **STANDBY["vault"],
                "login": "jwt",
                "namespace": "team/kv",
                "authNamespace": "team",
                "caProvider": {"name": "vault-ca"},
                "clientTls": {"certSecretRef": {"name": "vault"}, "keySecretRef": {"name": "vault"}},
            },
            "edb": {"enabled": True, "operator": "community"},
        },
    ),
    "standby with an existing store": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "vault": {**STANDBY["vault"], "store": {"kind": "ClusterSecretStore", "name": "vault"}},
            "edb": {"enabled": True, "operator": "community"},
        },
    ),
    "standby with a whole streaming database": Variant(
        stack="site-b", settings={**STANDBY, "postgres": STREAMING}, primary_outputs=OF_USERS
    ),
    "promoted standby": Variant(
        stack="site-b",
        settings={**STANDBY, "postgres": {**STREAMING, "promoted": True, "smokeTest": True}},
        primary_outputs=OF_USERS,
    ),
    "promoted standby that is backed up": Variant(
        stack="site-b", settings={**STANDBY, "postgres": {"enabled": True, "promoted": True, "backup": BACKUP}}
    ),
    "standby with databases of the community": Variant(
        stack="site-b", settings={**STANDBY, "edb": {"enabled": True, "operator": "community"}}
    ),
    "standby with operators": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "networkObserver": {"enabled": True},
            "edb": {"enabled": True},
            "operators": {**OPERATORS, "externalSecrets": {"enabled": True}},
        },
    ),
    "standby with operators on another kind of cluster": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "cluster": {**STANDBY["cluster"], "platform": "kubernetes"},
            "networkObserver": {"enabled": True},
            "edb": {"enabled": True, "operator": "community"},
            "operators": {
                "skupper": {"enabled": True, "source": "mirror"},
                "database": {"enabled": True, "namespace": "operators", "startingCSV": "cloudnative-pg.v1.30.1"},
            },
        },
    ),
    "standby that owns little": Variant(
        stack="site-b",
        settings={
            **STANDBY,
            "cluster": {
                **STANDBY["cluster"],
                "createNamespace": False,
                "platform": "kubernetes",
                "ca": CERTIFICATE,
            },
            "vault": {**STANDBY["vault"], "manageAuth": False, "authPath": "clusters/site-b", "mount": "rhsi"},
            "edb": {"enabled": True, "createNamespace": False, "subscribe": False},
        },
    ),
}


def identity(resource: Registration) -> dict[str, str]:
    """What makes the object outside Pulumi this one and no other: another value of these is another object.

    A name that is ignored once the object stands is the old one for all that were found.
    """
    inputs = resource.inputs
    found: dict[str, Any] = {"id": resource.read_id}
    if resource.token.startswith("kubernetes:"):
        metadata = reveal(inputs.get("metadata")) or {}
        found |= {key: inputs.get(key) for key in ("apiVersion", "kind")}
        ignored = "metadata.name" in resource.ignore_changes
        found |= {key: metadata.get(key) for key in ("name", "namespace") if not (key == "name" and ignored)}
    elif resource.token.startswith("vault:"):
        found |= {key: inputs.get(key) for key in ("path", "mount", "name", "backend", "roleName")}
    return {key: str(reveal(value)) for key, value in found.items() if value}


def registered(variant: Variant) -> list[Registration]:
    """Everything that this program registers for a variant, parents before their children."""
    graph = record(variant.settings, stack=variant.stack, primary_outputs=variant.primary_outputs, vault=variant.vault)
    return in_order(graph)


def in_order(graph: Graph) -> list[Registration]:
    """All registrations but the stack's, in the order in which they came."""
    return [resource for resource in graph.resources.values() if resource.token != STACK]


def candidates(resource: Registration, found: Mapping[str, str], *, stack: str) -> Iterator[str]:
    """Under which URNs the engine looks for a resource's old state, best first.

    As generateAliases in pkg/resource/deploy/step_generator.go of Pulumi v3.274.1; `found` has the old URN of each
    resource that was found under another one than its own.
    """
    yield resource.urn
    own = [_collapsed(resource, alias, found, stack=stack) for alias in resource.aliases]
    yield from own
    if parent_alias := found.get(resource.parent):
        yield _inherited(resource.token, resource.name, resource.parent, parent_alias, stack=stack)
        for alias in own:
            token = alias.split("::")[2].split("$")[-1]
            yield _inherited(token, alias.split("::")[-1], resource.parent, parent_alias, stack=stack)


def _collapsed(resource: Registration, alias: alias_pb2.Alias, found: Mapping[str, str], *, stack: str) -> str:
    if alias.urn:
        return str(alias.urn)
    spec = alias.spec
    parent = found.get(spec.parentUrn, spec.parentUrn) if spec.parentUrn else resource.parent
    return engine_urn(
        "" if spec.noParent else parent, spec.type or resource.token, spec.name or resource.name, stack=stack
    )


def _inherited(token: str, name: str, parent: str, parent_alias: str, *, stack: str) -> str:
    parent_name = parent.rsplit("::", maxsplit=1)[-1]
    if name.startswith(parent_name):
        name = parent_alias.rsplit("::", maxsplit=1)[-1] + name.removeprefix(parent_name)
    return engine_urn(parent_alias, token, name, stack=stack)


def matched(old: Mapping[str, Any], new: Iterable[Registration], *, stack: str) -> dict[str, Registration]:
    """Each URN of an old state with the resource of the program that the engine takes for the same."""
    pairs: dict[str, Registration] = {}
    aliased: dict[str, str] = {}
    for resource in new:
        urn = next((urn for urn in candidates(resource, aliased, stack=stack) if urn in old), None)
        if urn is not None:
            pairs[urn] = resource
            if urn != resource.urn:
                aliased[resource.urn] = urn
    return pairs


def listing() -> dict[str, dict[str, dict[str, str]]]:
    """The identity of every resource by URN, by variant."""
    return {
        name: {one.urn: identity(one) for one in sorted(registered(variant), key=lambda one: one.urn)}
        for name, variant in VARIANTS.items()
    }


def load(name: str) -> dict[str, dict[str, dict[str, str]]]:
    """A listing that was kept."""
    return cast("dict[str, dict[str, dict[str, str]]]", json.loads((FIXTURES / name).read_text()))


if __name__ == "__main__":
    os.environ.setdefault("VAULT_TOKEN", "test-token")
    json.dump(listing(), sys.stdout, indent=1)
    sys.stdout.write("\n")
