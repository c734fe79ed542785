"""The example of another team's stack: what it makes of rhsi's outputs, and what it never sees."""

import json
import runpy
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from lab.home import CHECKOUT
from tests.unit.policy.judging import judge
from tests.unit.recorder import PRIMARY_OUTPUTS

EXAMPLE = CHECKOUT / "examples" / "consumer"
OUTPUTS = {"site": "site-b", "namespace": "rhsi", "postgres": {**PRIMARY_OUTPUTS["postgres"], "slot": "site_b"}}


class Providers(Mocks):
    """Keeps what the program registers; the stack of rhsi tells what it is given."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.made: dict[str, dict[str, Any]] = {}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls no provider function, but called {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made[args.typ] = dict(args.inputs)
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {**args.inputs, "outputs": self.told, "secretOutputNames": []}
        return f"id-of-{args.name}", dict(args.inputs)


def run(told: dict[str, Any], **config: str) -> dict[str, dict[str, Any]]:
    """What the example registers, by type."""
    declared = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())["config"]
    defaults = {key: str(one["default"]) for key, one in declared.items() if "default" in one}
    values = {"rhsiStack": "acme/rhsi/site-b", "context": "site-b", **config}
    providers = Providers(told)
    pulumi.runtime.set_mocks(providers, project="rhsi-consumer", stack="site-b")
    pulumi.runtime.set_all_config(defaults | {f"rhsi-consumer:{key}": value for key, value in values.items()})
    pulumi.runtime.test(lambda: runpy.run_path(str(EXAMPLE), run_name="__main__"))()
    return providers.made


def pod(made: dict[str, dict[str, Any]]) -> Any:
    return made["kubernetes:batch/v1:Job"]["spec"]["template"]["spec"]


def test_the_client_goes_where_the_outputs_lead() -> None:
    made = run(OUTPUTS)
    assert made["pulumi:pulumi:StackReference"]["name"] == "acme/rhsi/site-b"
    assert made["kubernetes:batch/v1:Job"]["metadata"]["namespace"] == "rhsi"
    variables = {one["name"]: one["value"] for one in pod(made)["containers"][0]["env"]}
    assert variables["PGHOST"] == "postgres-primary.rhsi.svc"
    assert (variables["PGPORT"], variables["PGDATABASE"], variables["PGUSER"]) == ("5432", "app", "appuser")
    assert variables["SITE"] == "site-b"


def test_the_password_stays_in_the_secret_that_the_outputs_name() -> None:
    made = run(OUTPUTS)
    (mounted,) = [one["secret"] for one in pod(made)["volumes"] if "secret" in one]
    assert mounted["secretName"] == "postgres-application"
    assert [item["key"] for item in mounted["items"]] == ["password"]
    job = {"apiVersion": "batch/v1", "kind": "Job", **made["kubernetes:batch/v1:Job"]}
    assert not judge("plain-secrets", job)
    assert not judge("secret-names", job)
    assert "valueFrom" not in json.dumps(job), "no variable holds a secret"


@pytest.mark.parametrize(("user", "security"), [("0", {}), ("999", {"runAsUser": 999, "fsGroup": 999})])
def test_the_pod_is_admissible_as_each_user(user: str, security: dict[str, int]) -> None:
    made = run(OUTPUTS, runAsUser=user)
    job = {"apiVersion": "batch/v1", "kind": "Job", **made["kubernetes:batch/v1:Job"]}
    assert not judge("pod-security-restricted", job)
    chosen = pod(made)["securityContext"]
    assert {key: chosen[key] for key in chosen.keys() & {"runAsUser", "fsGroup"}} == security


@pytest.mark.parametrize(("told", "missing"), [({}, r"\w+"), ({"site": "site-b", "namespace": "rhsi"}, "postgres")])
def test_a_stack_that_is_not_up_or_has_no_database_ends_the_run_with_a_sentence(
    told: dict[str, Any], missing: str
) -> None:
    with pytest.raises(pulumi.RunError, match=f"^acme/rhsi/site-b has no output {missing}: bring that stack up first"):
        run(told)


def test_the_example_needs_versions_of_this_projects_own() -> None:
    ours = (CHECKOUT / "requirements.txt").read_text().splitlines()
    assert set((EXAMPLE / "requirements.txt").read_text().splitlines()) <= set(ours)
