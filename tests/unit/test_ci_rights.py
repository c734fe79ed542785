"""deploy/ci-rbac.yaml: the CI's jobs read only, and all that a stack has (tests/lab/test_review.py uses it)."""

from typing import Any

import pytest
import yaml

from lab.home import CHECKOUT

READS = {"get", "list", "watch"}


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CHECKOUT / "deploy" / name).read_text()))


CI, OPERATOR = manifests("ci-rbac.yaml"), manifests("operator-rbac.yaml")


def roles(name: str) -> list[dict[str, Any]]:
    """The Roles and ClusterRoles of this name in both files."""
    return [one for one in CI + OPERATOR if one["kind"] in ("Role", "ClusterRole") and one["metadata"]["name"] == name]


def bound_to(account: str) -> list[dict[str, Any]]:
    """The rules that an account of the CI has somewhere."""
    names = {
        one["roleRef"]["name"]
        for one in CI
        if "roleRef" in one and account in {subject["name"] for subject in one["subjects"]}
    }
    return [rule for name in names for one in roles(name) for rule in one["rules"]]


@pytest.mark.parametrize("account", ["rhsi-ci-preview", "rhsi-ci-drift"])
def test_a_job_of_the_ci_may_only_read(account: str) -> None:
    rules = bound_to(account)
    assert rules
    assert {verb for rule in rules for verb in rule["verbs"]} <= READS


def test_only_a_refresh_sees_secrets() -> None:
    def sees(account: str) -> bool:
        return any("secrets" in rule.get("resources", []) for rule in bound_to(account))

    assert not sees("rhsi-ci-preview")
    assert sees("rhsi-ci-drift")


def test_every_role_that_is_bound_exists_where_it_is_bound() -> None:
    for one in CI:
        if reference := one.get("roleRef"):
            namespace = one["metadata"]["namespace"] if reference["kind"] == "Role" else None
            found = [(role["kind"], role["metadata"].get("namespace")) for role in roles(reference["name"])]
            assert (reference["kind"], namespace) in found


def test_the_jobs_read_each_kind_of_a_database_that_the_operator_makes() -> None:
    (made,), (read,) = roles("rhsi-databases"), roles("rhsi-ci-databases")
    kinds = {kind for rule in made["rules"] for kind in rule["resources"]} - {"secrets", "pods/exec"}
    assert kinds == {kind for rule in read["rules"] for kind in rule["resources"]}
