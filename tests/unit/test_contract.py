"""Every custom object that the program registers, held against upstream's own CRDs.

The CRDs lie beside the checkout (`../shared/crds`) and are no part of the project; without them the tests are skipped.
"""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.recorder import PRIMARY, STANDBY, record

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
}
SERVICES = {
    "primary": ["Connector", "Connector"],
    "standby": ["ExternalSecret", "ExternalSecret", "Listener", "Listener"],
}


def upstream() -> dict[str, dict[str, Any]]:
    """Schemas by Pulumi type token."""
    found = {}
    for file in sorted(CRDS.glob("*/*.yaml")):
        for crd in yaml.safe_load_all(file.read_text()):
            spec = crd["spec"]
            for version in spec["versions"]:
                token = f"kubernetes:{spec['group']}/{version['name']}:{spec['names']['kind']}"
                found[token] = version["schema"]["openAPIV3Schema"]
    return found


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


@pytest.mark.parametrize("variant", OPTIONS)
def test_every_custom_object_is_valid_for_upstream(variant: str) -> None:
    schemas = upstream()
    role = variant.split(maxsplit=1)[0]
    graph = record(OPTIONS[variant], stack="site-a" if role == "primary" else "site-b")
    checked = []
    for resource in graph.resources.values():
        if resource.read_id or resource.token not in schemas:
            continue
        spec = strict(schemas[resource.token]["properties"]["spec"])
        jsonschema.Draft202012Validator(spec).validate(resource.inputs["spec"])
        checked.append(resource.token.split(":")[-1])
    expected = {"primary": ["AccessGrant", "Site"], "standby": ["ExternalSecret", "SecretStore", "Site"]}[role]
    assert sorted(checked) == sorted([*expected, *(SERVICES[role] if "services" in variant else [])])


def test_the_runbooks_secured_access_would_have_been_found() -> None:
    spec = strict(upstream()["kubernetes:skupper.io/v2alpha1:AccessGrant"]["properties"]["spec"])
    with pytest.raises(jsonschema.ValidationError, match="securedAccess"):
        jsonschema.Draft202012Validator(spec).validate({"securedAccess": {"name": "skupper-grant-server"}})
