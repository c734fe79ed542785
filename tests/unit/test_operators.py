"""Operators: what is asked of OLM, in which order, and that nothing waits for an operator that it does not use."""

from typing import Any

import pulumi
import pytest

from components.custom_resource import OLM_SUBSCRIPTION, POSTGRES_OPERATORS
from components.edb.names import PULL_SECRET
from components.edb.registry import OPERATOR_PULL_SECRET
from components.operators.external_secrets import ExternalSecretsArgs, external_secrets_spec
from components.operators.packages import packages
from components.operators.serving import NoOlmError
from components.operators.waiting import JOB_NAMES
from components.past import contradictions
from components.sites.operators import vault_port
from components.sites.past import facts
from components.skupper.network_observer import NetworkObserverArgs, network_observer_spec
from tests.unit.recorder import PRIMARY, STANDBY, Graph, Registration, record, reveal, settings_of
from tests.unit.urns import VARIANTS

SUBSCRIPTION = "kubernetes:operators.coreos.com/v1alpha1:Subscription"
JOB = "kubernetes:batch/v1:Job"
# Which groups a part brings.
GROUPS = {
    "skupper": "skupper.io",
    "networkObserver": "observability.skupper.io",
    "externalSecrets": "external-secrets.io",
    "database": "postgresql.k8s.enterprisedb.io",
}


@pytest.fixture(scope="module", params=["primary with operators", "standby with operators"])
def graph(request: pytest.FixtureRequest) -> Graph:
    variant = VARIANTS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAULT_TOKEN", "test-token")
        return record(variant.settings, stack=variant.stack, primary_outputs=variant.primary_outputs)


def wait(graph: Graph, part: str) -> Registration:
    """The Job that awaits an operator."""
    return graph.named(JOB, JOB_NAMES[part])


def subscription(graph: Graph, part: str) -> Registration:
    return graph.named(SUBSCRIPTION, packages("edb")[part].name)


def parts(graph: Graph) -> list[str]:
    """The parts that this graph has."""
    return ["skupper", "networkObserver", "database", *(["externalSecrets"] if graph.of_type(STORE) else [])]


STORE = "kubernetes:external-secrets.io/v1:SecretStore"


def group_of(one: Registration) -> str:
    return one.token.split(":")[1].rpartition("/")[0] if one.token.startswith("kubernetes:") else ""


def test_the_subscription_has_a_token_of_its_own_beside_cloudnativepgs() -> None:
    assert OLM_SUBSCRIPTION.token == SUBSCRIPTION
    assert SUBSCRIPTION not in {operator.subscription.token for operator in POSTGRES_OPERATORS.values()}


def test_a_subscription_is_created_or_refused_and_later_kept(graph: Graph) -> None:
    found = graph.of_type(SUBSCRIPTION)
    assert len(found) == len(parts(graph))
    for one in found:
        assert "::kubernetes-creating::" in one.provider
        assert one.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
        assert "pulumi.com/waitFor" not in one.inputs["metadata"]["annotations"]


def test_a_subscription_says_what_is_wanted_and_leaves_out_the_rest(graph: Graph) -> None:
    spec = subscription(graph, "database").inputs["spec"]
    assert spec == {
        "name": "cloud-native-postgresql",
        "channel": "fast",
        "source": "certified-operators",
        "sourceNamespace": "openshift-marketplace",
        "installPlanApproval": "Automatic",
    }


def test_skuppers_operator_serves_grants(graph: Graph) -> None:
    env = subscription(graph, "skupper").inputs["spec"]["config"]["env"]
    assert {one["name"]: one["value"] for one in env} == {
        "SKUPPER_ENABLE_GRANTS": "true",
        "SKUPPER_GRANT_SERVER_AUTOCONFIGURE": "true",
    }


def test_whatever_uses_a_kind_waits_for_its_operator(graph: Graph) -> None:
    for part in parts(graph):
        using = [one for one in graph.resources.values() if group_of(one) == GROUPS[part]]
        assert using, part
        for one in using:
            assert graph.waits_for(one, wait(graph, part)), (part, one.name)


def test_nothing_waits_for_an_operator_that_it_does_not_need(graph: Graph) -> None:
    """Vault, grants and links have nothing to do with the databases' operator, nor with that of the observer."""
    observer = wait(graph, "networkObserver")
    for one in graph.resources.values():
        if graph.waits_for(one, observer):
            assert group_of(one) in {GROUPS["networkObserver"], "route.openshift.io"} or "observer" in one.name, (
                one.name
            )
    database = wait(graph, "database")
    for one in graph.resources.values():
        if graph.waits_for(one, database):
            assert "edb" in one.urn, one.name
    own = [one for one in graph.resources.values() if one.token.startswith("vault:index/mount")]
    assert not [one.name for one in own if graph.waits_for(one, wait(graph, "skupper"))]


def test_the_wait_comes_after_its_subscription_and_its_rights(graph: Graph) -> None:
    for part in parts(graph):
        job = wait(graph, part)
        assert graph.waits_for(job, subscription(graph, part))
        rights = [
            one for one in graph.resources.values() if one.name.endswith(("cluster-binding", "catalogue-binding"))
        ]
        assert all(graph.waits_for(job, one) for one in rights if JOB_NAMES[part] in one.inputs["metadata"]["name"])
        pod = job.inputs["spec"]["template"]["spec"]
        assert "automountServiceAccountToken" not in pod, "it has rights elsewhere"


def test_an_own_namespace_is_made_with_its_group_before_the_subscription(graph: Graph) -> None:
    group = graph.named("kubernetes:operators.coreos.com/v1:OperatorGroup", "postgresql-operator-system")
    assert "targetNamespaces" not in group.inputs["spec"], "it serves all namespaces"
    namespace = graph.named("kubernetes:core/v1:Namespace", "postgresql-operator-system")
    assert "::kubernetes-creating::" in namespace.provider
    found = subscription(graph, "database")
    assert graph.waits_for(group, namespace)
    assert graph.waits_for(found, group)


def test_the_platforms_namespace_is_never_made_nor_claimed(graph: Graph) -> None:
    made = [
        one.inputs["metadata"]
        for one in graph.resources.values()
        if one.token.startswith("kubernetes:") and not one.read_id
    ]
    assert {one["name"] for one in made if one.get("namespace") == "openshift-operators"} == {
        "skupper-operator",
        "skupper-netobs-operator",
    }
    assert "openshift-operators" not in [one["name"] for one in made]


def test_edbs_operator_finds_its_pull_secret_from_the_same_token(graph: Graph) -> None:
    secrets = {"kubernetes:core/v1:Secret", "kubernetes:external-secrets.io/v1:ExternalSecret"}
    found = {
        one.inputs["metadata"]["name"]: one
        for one in graph.resources.values()
        if one.token in secrets and one.inputs["metadata"]["namespace"] in {"postgresql-operator-system", "db"}
    }
    theirs, databases = found[OPERATOR_PULL_SECRET], found[PULL_SECRET]
    assert graph.waits_for(subscription(graph, "database"), theirs)
    assert theirs.inputs["metadata"]["namespace"] == "postgresql-operator-system"
    own = {key: reveal(theirs.inputs.get(key)) for key in ("data", "type")}
    assert own == {key: reveal(databases.inputs.get(key)) for key in own}
    if theirs.token.endswith("ExternalSecret"):
        paths = [one.inputs["spec"]["dataFrom"] for one in (theirs, databases)]
        assert paths[0] == paths[1]
        (role,) = graph.of_type("vault:kubernetes/authBackendRole:AuthBackendRole")
        assert "postgresql-operator-system" in role.inputs["boundServiceAccountNamespaces"]


def test_external_secrets_run_before_anything_logs_in_to_vault_by_them() -> None:
    variant = VARIANTS["standby with operators"]
    graph = record(variant.settings, stack="site-b")
    config = graph.one("kubernetes:operator.openshift.io/v1alpha1:ExternalSecretsConfig")
    assert "::kubernetes-creating::" in config.provider
    assert graph.waits_for(config, wait(graph, "externalSecrets"))
    assert all(graph.waits_for(store, config) for store in graph.of_type(STORE))


def test_external_secrets_get_through_to_vault_only() -> None:
    args = ExternalSecretsArgs(vault_port=8200, creating=None)  # type: ignore[arg-type]  # no spec knows of it
    (policy,) = external_secrets_spec(args)["controllerConfig"]["networkPolicies"]
    assert policy["componentName"] == "ExternalSecretsCoreController"
    assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": 8200}]}]
    assert [vault_port(f"{url}") for url in ("https://v:8200", "https://v", "http://v/")] == [8200, 443, 80]


@pytest.mark.parametrize("preview", [True, False])
def test_a_cluster_without_olm_is_told_what_to_install_instead(preview: bool) -> None:
    variant = VARIANTS["standby with operators"]
    with pytest.raises(NoOlmError) as refusal:
        record(variant.settings, stack="site-b", olm=False, preview=preview)
    text = str(refusal.value)
    assert "this cluster does not serve subscriptions.operators.coreos.com" in text
    for chart in ("`skupper`", "`network-observer`", "`external-secrets`", "`edb-postgres-for-kubernetes`"):
        assert chart in text


def test_without_operators_nobody_asks_for_olm() -> None:
    graph = record(PRIMARY, stack="site-a", olm=False)
    assert not graph.of_type(SUBSCRIPTION)


def test_only_what_is_asked_for_is_named_where_olm_is_missing() -> None:
    with pytest.raises(NoOlmError) as refusal:
        record({**STANDBY, "operators": {"skupper": {"enabled": True}}}, stack="site-b", olm=False)
    assert "`skupper`" in str(refusal.value)
    assert "External Secrets" not in str(refusal.value)


def test_a_preview_before_anything_is_there_succeeds() -> None:
    variant = VARIANTS["standby with operators"]
    graph = record(variant.settings, stack="site-b", preview=True)
    assert graph.of_type(SUBSCRIPTION)


def test_another_channel_or_version_is_waited_for_anew() -> None:
    def run(**changes: Any) -> Any:
        values = {**STANDBY, "operators": {"skupper": {"enabled": True, **changes}}}
        graph = record(values, stack="site-b")
        (one,) = [
            one
            for one in graph.made("kubernetes:core/v1:ConfigMap")
            if one.inputs["metadata"]["name"] == JOB_NAMES["skupper"]
        ]
        return one.inputs["data"]

    usual = run()
    assert usual == run()
    for changes in (
        {"channel": "stable-2.2"},
        {"startingCSV": "skupper-operator.v2.2.1-rh-1"},
        {"approval": "Manual"},
        {"source": "mirror"},
    ):
        assert run(**changes) != usual, changes


def test_a_subscription_that_was_made_anew_is_waited_for_anew(graph: Graph) -> None:
    for part in parts(graph):
        (container,) = wait(graph, part).inputs["spec"]["template"]["spec"]["containers"]
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert variables["SUBSCRIPTION"] == f"uid-of-{subscription(graph, part).name}"


def test_a_preview_knows_no_subscription_that_is_still_to_be_made() -> None:
    """Known to be empty it would be another wait than the one that `up` makes."""
    values = {**STANDBY, "operators": {"skupper": {"enabled": True}}}
    graph = record(values, stack="site-b", preview=True)
    (container,) = wait(graph, "skupper").inputs["spec"]["template"]["spec"]["containers"]
    assert not [one for one in container["env"] if one["name"] == "SUBSCRIPTION" and one.get("value") == ""]


def test_an_observer_is_set_for_its_kind_of_cluster() -> None:
    assert network_observer_spec(NetworkObserverArgs(namespace="rhsi", openshift=True)) == {
        "route": {"enabled": True},
        "auth": {"strategy": "openshift"},
        "tls": {"openshiftIssued": True, "skupperIssued": False},
    }
    assert network_observer_spec(NetworkObserverArgs(namespace="rhsi", openshift=False)) == {
        "route": {"enabled": False},
        "auth": {"strategy": "basic"},
        "tls": {"openshiftIssued": False, "skupperIssued": True},
    }


def test_an_observer_is_awaited_and_told_of_by_its_route() -> None:
    graph = record({**PRIMARY, "networkObserver": {"enabled": True}}, stack="site-a")
    (observer,) = graph.of_type("kubernetes:observability.skupper.io/v2alpha1:NetworkObserver")
    assert "condition=Deployed" in observer.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
    assert graph.waits_for(observer, graph.one("kubernetes:skupper.io/v2alpha1:Site"))
    assert graph.exports["network_observer"] == {
        "url": "https://network-observer-rhsi.apps.example.com",
        "secret": "",
    }
    assert not graph.of_type(SUBSCRIPTION), "its operator may be somebody else's"


def test_an_observer_elsewhere_is_told_of_by_its_service_and_the_name_of_its_secret() -> None:
    cluster = {**STANDBY["cluster"], "platform": "kubernetes"}
    graph = record({**STANDBY, "cluster": cluster, "networkObserver": {"enabled": True}}, stack="site-b")
    assert graph.exports["network_observer"] == {
        "url": "https://network-observer.rhsi.svc",
        "secret": "network-observer-auth",
    }
    assert not graph.of_type("kubernetes:route.openshift.io/v1:Route")


def test_a_stack_remembers_where_its_operators_are_and_only_theirs() -> None:
    read = settings_of({**STANDBY, "operators": {"skupper": {"enabled": True}}}, stack="site-b")
    known = facts(read, pulumi.Output.from_input("uid"), None)
    assert known["operators.skupper.namespace"].value == "openshift-operators"
    assert [key for key in known if key.startswith("operators.")] == ["operators.skupper.namespace"]
    (sentence,) = contradictions(
        {"operators.skupper.namespace": known["operators.skupper.namespace"]},
        {"operators.skupper.namespace": "skupper"},
        {"operators.skupper.namespace": "openshift-operators"},
    )
    assert "to move the operator, remove its part, run `pulumi up`, delete its ClusterServiceVersion" in sentence
    assert sentence.endswith("and add the part again with the new one.")
