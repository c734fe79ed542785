"""The alert rules: what Prometheus' operator takes, expressions that parse, and metrics that somebody exposes."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from components.custom_resource import POSTGRES_OPERATORS
from components.edb.names import CA_SECRET, cluster_name
from components.link.claim import JOB_NAME
from components.link.rotation import LINK_SECRET, token_name
from components.postgres.replication import PRIMARY, STANDBY
from lab.home import CHECKOUT
from tests.unit.crd_contract import fields, load, schema

PAGE = (CHECKOUT / "docs" / "alerts.md").read_text()
FILE: dict[str, Any] = yaml.safe_load((CHECKOUT / "deploy" / "alerts.yaml").read_text())
STATE: dict[str, Any] = yaml.safe_load((CHECKOUT / "deploy" / "kube-state-metrics.yaml").read_text())
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in FILE["spec"]["groups"] for rule in group["rules"]}
PLURALS = {"Link": "links", "Site": "sites", "AccessGrant": "accessgrants"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def selectors(expression: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    """Every selector of metrics in an expression."""
    found: list[promql_parser.VectorSelector] = []

    def keep(part: promql_parser.Expr) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            found.append(part)

    promql_parser.walk(expression, keep)
    return found


def used() -> set[str]:
    """The metrics of all rules."""
    return {str(one.name) for rule in RULES.values() for one in selectors(promql_parser.parse(rule["expr"]))}


def exposed() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each metric that the configuration of kube-state-metrics makes, with its resource."""
    for resource in STATE["spec"]["resources"]:
        for metric in resource["metrics"]:
            yield resource, metric


def test_the_file_is_a_rule_of_prometheus_operator() -> None:
    assert (FILE["apiVersion"], FILE["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    names = [group["name"] for group in FILE["spec"]["groups"]]
    assert len(set(names)) == len(names)
    assert sum(len(group["rules"]) for group in FILE["spec"]["groups"]) == len(RULES), (
        "each alert has a name of its own"
    )


@pytest.mark.parametrize("alert", RULES)
def test_a_rule_says_what_happened_how_bad_it_is_and_what_to_do(alert: str) -> None:
    rule = RULES[alert]
    assert re.fullmatch(r"Rhsi[A-Z][A-Za-z]+", alert)
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())
    if "for" in rule:
        assert promql_parser.parse_duration(rule["for"])


@pytest.mark.parametrize("alert", RULES)
def test_the_expression_is_one_of_promql_and_compares_something(alert: str) -> None:
    expression = promql_parser.parse(RULES[alert]["expr"])
    assert isinstance(expression, promql_parser.BinaryExpr), "a bare selector would always fire"
    assert selectors(expression)


def test_every_metric_is_documented_with_its_source_and_every_documented_one_is_used() -> None:
    documented = {cells[0].strip("`"): cells[1:] for cells in rows("Where the metrics come from")}
    assert used() == set(documented)
    assert all(len(cells) == 3 and all(cells) for cells in documented.values())


def test_the_query_of_the_page_finds_every_metric() -> None:
    (expression,) = re.findall(r"^count by .*", PAGE, re.MULTILINE)
    (selector,) = selectors(promql_parser.parse(expression))
    (names,) = [one.value for one in selector.matchers.matchers if one.name == "__name__"]
    assert all(re.fullmatch(names, name) for name in used())


def test_every_alert_is_documented_with_its_severity() -> None:
    documented = {cells[0].strip("`"): cells[1] for cells in rows("What each one means")}
    assert documented == {alert: rule["labels"]["severity"] for alert, rule in RULES.items()}


def test_the_metrics_of_both_database_operators_are_asked_for_alike() -> None:
    assert len(POSTGRES_OPERATORS) == len(("edb", "community"))
    both = {name.partition("_")[2] for name in used() if name.startswith("cnpg_")}
    assert both == {name.partition("_")[2] for name in used() if name.startswith("cnp_")} != set()


def test_the_metrics_of_skuppers_objects_are_those_that_kube_state_metrics_is_told_to_make() -> None:
    made = {f"{resource['metricNamePrefix']}_{metric['name']}" for resource, metric in exposed()}
    assert made == {name for name in used() if name.startswith("kube_skupper_")}


@pytest.mark.parametrize(("resource", "metric"), list(exposed()), ids=lambda part: str(part.get("name", "")))
def test_what_kube_state_metrics_reads_is_in_skuppers_definitions_and_no_secret(
    resource: dict[str, Any], metric: dict[str, Any]
) -> None:
    kind = resource["groupVersionKind"]
    definition = load("skupper")[f"{PLURALS[kind['kind']]}.{kind['group']}"]
    known = {path for path, _ in fields(schema(definition))}
    gauge = metric["each"]["gauge"]
    path = "." + ".".join(gauge["path"])
    assert path in known
    inner = [gauge["valueFrom"], *gauge["labelsFromPath"].values()] if "valueFrom" in gauge else []
    assert {f"{path}[].{'.'.join(one)}" for one in inner} <= known
    assert not {"code", "url", "ca"} & {*gauge["path"], *(part for one in inner for part in one)}
    assert set(resource["labelsFromPath"]) == {"namespace", "name"}


@pytest.mark.parametrize(
    ("alert", "label", "names"),
    [
        ("RhsiClaimFailed", "job_name", [JOB_NAME, f"{JOB_NAME}-0123abcd"]),
        ("RhsiSecretNotSynced", "name", [LINK_SECRET, "postgres-application", "edb-site-b-app", CA_SECRET]),
        ("RhsiCertificateEnds", "secret_name", ["skupper-site-ca", "skupper-local-server", token_name(12)]),
        ("RhsiPostgresDown", "pod", [f"{PRIMARY}-0", f"{STANDBY}-0"]),
        ("RhsiPostgresNotReady", "statefulset", [PRIMARY, STANDBY]),
        ("RhsiReplicationSlotInactive", "pod", [f"{PRIMARY}-0", f"{STANDBY}-0"]),
        ("RhsiDatabaseDown", "pod", [f"{cluster_name('site-a')}-1"]),
        ("RhsiDatabaseNotReady", "pod", [f"{cluster_name('site-a')}-1"]),
        (
            "RhsiDatabaseCertificateNotRenewed",
            "secret_name",
            [f"{cluster_name('site-a')}-{part}" for part in ("ca", "server", "replication")],
        ),
    ],
)
def test_a_rule_means_the_objects_of_this_program(alert: str, label: str, names: list[str]) -> None:
    for selector in selectors(promql_parser.parse(RULES[alert]["expr"])):
        (pattern,) = [one.value for one in selector.matchers.matchers if one.name == label]
        assert all(re.fullmatch(pattern, name) for name in names)
        assert not re.fullmatch(pattern, "orders-7d9f")


def test_a_job_or_a_pooler_is_no_instance() -> None:
    (selector,) = selectors(promql_parser.parse(RULES["RhsiDatabaseNotReady"]["expr"]))
    (pattern,) = [one.value for one in selector.matchers.matchers if one.name == "pod"]
    for pod in ("edb-site-a-1-initdb-24578", "edb-site-a-pooler-rw-5d8f9c7b6-44777"):
        assert not re.fullmatch(pattern, pod)
