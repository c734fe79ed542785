"""`rhsi:labels`, `rhsi:annotations`, `rhsi:pods`, `rhsi:images` and `rhsi:networkPolicies`: accepted and refused."""

from typing import Any

import pytest

from components import container_resources
from components.container_resources import ContainerResources, amount
from components.settings import formats
from components.settings.images import CLUSTER_REGISTRY, default_images
from tests.unit.recorder import PRIMARY, STANDBY, record, settings_of
from tests.unit.test_settings import mistakes_in, standby_with
from tests.unit.urns import VARIANTS

JOB, STATEFUL_SET = "kubernetes:batch/v1:Job", "kubernetes:apps/v1:StatefulSet"
SHAPE = {
    "imagePullSecrets": ["mirror", "other"],
    "nodeSelector": {"node-role.kubernetes.io/infra": ""},
    "tolerations": [
        {"key": "team.example.com/only", "value": "payments", "effect": "NoSchedule"},
        {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
    ],
    "priorityClassName": "high",
}
TOLERATIONS = [
    {"key": "team.example.com/only", "operator": "Equal", "value": "payments", "effect": "NoSchedule"},
    {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
]
PLACED = {
    "imagePullSecrets": [{"name": "mirror"}, {"name": "other"}],
    "nodeSelector": {"node-role.kubernetes.io/infra": ""},
    "tolerations": TOLERATIONS,
    "priorityClassName": "high",
}


def everything(name: str, **changes: Any) -> Any:
    variant = VARIANTS[name]
    return record({**variant.settings, **changes}, stack=variant.stack, primary_outputs=variant.primary_outputs)


def spec_of(graph: Any, kind: str) -> Any:
    (found,) = [one for one in graph.resources.values() if one.token.endswith(f":{kind}") and not one.read_id]
    return found.inputs["spec"]


def of_pod(pod: Any) -> dict[str, Any]:
    return {name: pod[name] for name in PLACED if name in pod}


# Labels and annotations.


@pytest.mark.parametrize("key", ["team", "example.com/team", "a.b-c.example/Cost_Center.1", "a" * 63])
@pytest.mark.parametrize("setting", ["labels", "annotations"])
def test_a_key_of_ones_own_is_accepted(setting: str, key: str) -> None:
    found = settings_of(standby_with(**{setting: {key: "payments"}}), stack="site-b")
    assert getattr(found, setting) == {key: "payments"}


@pytest.mark.parametrize(
    "key",
    [
        "kubernetes.io/name",
        "app.kubernetes.io/name",
        "app.kubernetes.io/part-of",
        "pod-security.kubernetes.io/enforce",
        "scheduling.k8s.io/group",
        "skupper.io/component",
        "internal.skupper.io/controlled",
        "pulumi.com/waitFor",
        "rhsi/owner",
        "cnpg.io/cluster",
        "k8s.enterprisedb.io/reload",
        "openshift.io/scc",
    ],
)
@pytest.mark.parametrize("setting", ["labels", "annotations"])
def test_keys_that_mean_something_to_a_controller_are_refused(setting: str, key: str) -> None:
    text = mistakes_in(standby_with(**{setting: {key: "x"}}))
    assert f"rhsi:{setting}.{key} is " in text
    assert "keys of this domain mean something to a controller, or to this program; choose a domain of your own" in text


@pytest.mark.parametrize("key", ["job-name", "controller-uid", "role"])
def test_keys_without_a_domain_that_controllers_write_are_refused(key: str) -> None:
    assert "a controller writes it, or selects by it" in mistakes_in(standby_with(labels={key: "x"}))


@pytest.mark.parametrize("key", ["", "/", "a/", "/a", "Example.com/team", "a b", "-a", "a" * 64, "a/b/c", "é"])
def test_what_is_no_key_is_refused(key: str) -> None:
    assert "rhsi:labels." in mistakes_in(standby_with(labels={key: "x"}))


@pytest.mark.parametrize("value", ["a b", "-a", "a=b", "a" * 64, "é"])
def test_a_text_that_no_label_can_hold_is_refused_there_and_fits_an_annotation(value: str) -> None:
    text = mistakes_in(standby_with(labels={"team": value}))
    assert "longer texts belong into annotations" in text
    assert settings_of(standby_with(annotations={"team": value}), stack="site-b").annotations == {"team": value}


def test_a_label_may_be_empty_and_an_annotation_has_one_line() -> None:
    assert settings_of(standby_with(labels={"team": ""}), stack="site-b").labels == {"team": ""}
    assert "rhsi:annotations.team is " in mistakes_in(standby_with(annotations={"team": "a\nb"}))


def test_labels_that_the_selector_of_an_exported_service_finds_are_refused() -> None:
    exports = {"exports": {"orders": {"selector": "app=orders,tier=web", "port": 80}}}
    labels = {"app": "orders", "tier": "web", "team": "payments"}
    text = mistakes_in(standby_with(labels=labels, services=exports))
    assert 'rhsi:services.exports.orders.selector is "app=orders,tier=web": rhsi:labels gives these labels' in text
    settings_of(standby_with(labels={"app": "orders"}, services=exports), stack="site-b")


# Where pods run.


@pytest.mark.parametrize("name", ["primary with everything", "standby with everything"])
def test_jobs_servers_and_clusters_are_placed(name: str) -> None:
    graph = everything(name, pods=SHAPE, images={"claim": "registry.example.com/cli:1"})
    pods = [one.inputs["spec"]["template"]["spec"] for kind in (JOB, STATEFUL_SET) for one in graph.made(kind)]
    assert len(pods) > 1
    for pod in pods:
        secrets = [one for one in pod["imagePullSecrets"] if one["name"] != "edb-repos2-token"]
        assert of_pod({**pod, "imagePullSecrets": secrets}) == PLACED
    cluster = spec_of(graph, "Cluster")
    assert [one["name"] for one in cluster["imagePullSecrets"]] == ["edb-repos2-token", "mirror", "other"]
    assert cluster["affinity"] == {"nodeSelector": PLACED["nodeSelector"], "tolerations": TOLERATIONS}
    assert cluster["priorityClassName"] == "high"
    assert not {"nodeSelector", "tolerations"} & cluster.keys()
    pooler = spec_of(graph, "Pooler")["template"]["spec"]
    # PgBouncer's image is in the cluster's registry too, and naming a Secret takes the account's away.
    assert of_pod(pooler) == {**PLACED, "imagePullSecrets": cluster["imagePullSecrets"]}
    assert pooler["containers"] == [{"name": "pgbouncer"}]


def test_without_secrets_of_ones_own_pgbouncer_keeps_those_of_its_account() -> None:
    shape = {key: value for key, value in SHAPE.items() if key != "imagePullSecrets"}
    pooler = spec_of(everything("primary with everything", pods=shape), "Pooler")["template"]["spec"]
    assert of_pod(pooler) == {key: value for key, value in PLACED.items() if key != "imagePullSecrets"}


def test_the_communitys_images_are_pulled_with_them_too() -> None:
    cluster = spec_of(everything("standby with databases of the community", pods=SHAPE), "Cluster")
    assert cluster["imagePullSecrets"] == PLACED["imagePullSecrets"]


@pytest.mark.parametrize("name", [name for name, one in VARIANTS.items() if "pods" not in one.settings])
def test_without_settings_no_pod_is_placed(name: str) -> None:
    graph = everything(name)
    for one in [*graph.made(JOB), *graph.made(STATEFUL_SET)]:
        assert of_pod(one.inputs["spec"]["template"]["spec"]).keys() <= {"imagePullSecrets"}


def test_an_image_of_openshifts_own_registry_is_pulled_with_the_secret_of_its_account() -> None:
    pod = everything("standby", pods=SHAPE).one(JOB).inputs["spec"]["template"]["spec"]
    assert "imagePullSecrets" not in pod
    assert pod["nodeSelector"] == PLACED["nodeSelector"]


OWN_IMAGE = f"{CLUSTER_REGISTRY}/databases/postgresql:16"


@pytest.mark.parametrize(
    ("postgres", "named"),
    [
        ({}, False),
        ({"monitoring": True}, True),
        ({"monitoring": True, "exporterImage": f"{CLUSTER_REGISTRY}/databases/exporter:1"}, False),
        ({"backup": {"destinationPath": "s3://b"}}, True),
        ({"backup": {"destinationPath": "s3://b"}, "backupImage": OWN_IMAGE}, False),
        ({"exporterImage": "registry.example.com/exporter:1"}, False),
    ],
)
def test_a_server_is_pulled_with_ones_own_secrets_if_any_of_its_images_is_elsewhere(
    postgres: dict[str, Any], *, named: bool
) -> None:
    server = {"enabled": True, "image": OWN_IMAGE, "version": 16, **postgres}
    (found,) = record(standby_with(pods=SHAPE, postgres=server), stack="site-b").made(STATEFUL_SET)
    pod = found.inputs["spec"]["template"]["spec"]
    assert pod.get("imagePullSecrets", []) == (PLACED["imagePullSecrets"] if named else [])


def test_what_operators_run_beside_a_database_is_pulled_with_them_whatever_its_own_image() -> None:
    edb = {"enabled": True, "operator": "community", "image": OWN_IMAGE, "smokeTest": True, "pooler": {"instances": 1}}
    graph = record(standby_with(pods=SHAPE, edb=edb), stack="site-b")
    assert spec_of(graph, "Cluster")["imagePullSecrets"] == PLACED["imagePullSecrets"]
    assert spec_of(graph, "Pooler")["template"]["spec"]["imagePullSecrets"] == PLACED["imagePullSecrets"]
    (test,) = [one for one in graph.made(JOB) if one.inputs["metadata"]["name"] == "edb-replication-test"]
    assert "imagePullSecrets" not in test.inputs["spec"]["template"]["spec"]


def test_a_job_runs_again_elsewhere_when_its_place_changes_but_a_renewal_of_the_ca_does_not() -> None:
    graph = everything("primary with everything", pods=SHAPE)
    ignored = graph.one(JOB).ignore_changes
    for field in ("imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"):
        assert f"spec.template.spec.{field}" in ignored
        assert f"spec.template.spec.{field}" in everything("primary with everything").one(JOB).ignore_changes


@pytest.mark.parametrize(
    ("toleration", "told"),
    [
        ({"effect": "NoSchedule"}, "rhsi:pods.tolerations.0.key is missing: name the taint's key, or set operator"),
        (
            {"key": "a", "operator": "Exists", "value": "b"},
            'rhsi:pods.tolerations.0.value is "b": with operator Exists',
        ),
        ({"key": "a", "tolerationSeconds": 5}, "rhsi:pods.tolerations.0.tolerationSeconds is 5: only a taint with"),
        ({"key": "a", "effect": "Never"}, 'rhsi:pods.tolerations.0.effect is "Never": it must be'),
        ({"kay": "a"}, "rhsi:pods.tolerations.0.kay"),
    ],
)
def test_a_toleration_that_the_api_server_refuses_is_refused(toleration: dict[str, Any], told: str) -> None:
    assert told in mistakes_in(standby_with(pods={"tolerations": [toleration]}))


@pytest.mark.parametrize(
    ("pods", "told"),
    [
        ({"imagePullSecrets": ["Mirror"]}, 'rhsi:pods.imagePullSecrets.0 is "Mirror"'),
        ({"nodeSelector": {"a b": "c"}}, "rhsi:pods.nodeSelector.a b is "),
        ({"nodeSelector": {"a": "b c"}}, 'rhsi:pods.nodeSelector.a is "b c"'),
        ({"priorityClassName": "High"}, "it is no name of a PriorityClass; `oc get priorityclasses` lists them"),
        ({"restartDatabases": "yes"}, 'rhsi:pods.restartDatabases is "yes": it must be true or false'),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(pods: dict[str, Any], told: str) -> None:
    assert told in mistakes_in(standby_with(pods=pods))


# The proxy.


def variables(graph: Any) -> dict[str, dict[str, str]]:
    return {
        one.inputs["metadata"]["name"]: {
            each["name"]: each.get("value", "")
            for each in one.inputs["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        for one in graph.made(JOB)
    }


def test_the_claim_gets_the_proxy_in_both_spellings_and_reaches_its_cluster_without_it() -> None:
    proxy = "http://proxy.example.com:3128"
    found = variables(everything("standby with everything", pods={"proxy": {"httpsProxy": proxy}}))
    claim = found["create-access-token-from-vault"]
    assert claim["HTTPS_PROXY"] == claim["https_proxy"] == proxy
    assert (
        claim["NO_PROXY"] == claim["no_proxy"] == ("localhost,127.0.0.1,.svc,.cluster.local,$(KUBERNETES_SERVICE_HOST)")
    )
    assert not {"HTTP_PROXY", "http_proxy"} & claim.keys()
    for job in ("postgres-smoke-test", "edb-replication-test"):
        assert not [name for name in found[job] if name.lower().endswith("_proxy")]


def test_without_a_proxy_no_variable_of_it_is_set() -> None:
    for found in (everything("standby"), everything("standby", pods={"proxy": {"noProxy": ["a"]}})):
        assert not [name for one in variables(found).values() for name in one if "proxy" in name.lower()]


def test_a_renewal_of_the_ca_gets_no_proxy_for_a_variable_more_would_renew_it_again() -> None:
    proxy = {"proxy": {"httpProxy": "http://proxy.example.com:3128"}}
    name = "primary with everything"
    without, with_it = everything(name).one(JOB).inputs["spec"], everything(name, pods=proxy).one(JOB).inputs["spec"]
    assert with_it == without


@pytest.mark.parametrize("key", ["httpProxy", "httpsProxy"])
@pytest.mark.parametrize("url", ["http://me:{}@proxy.example.com:3128", "http://{}@proxy.example.com"])
def test_a_proxy_with_a_password_is_refused_and_not_shown(key: str, url: str) -> None:
    hidden = "-".join(["a", "pass", "word"])
    text = mistakes_in(standby_with(pods={"proxy": {key: url.format(hidden)}}))
    assert f"rhsi:pods.proxy.{key} is [secret]: it carries a user or password" in text
    assert hidden not in text
    text = mistakes_in(standby_with(pods={"proxy": url.format(hidden)}))
    assert "rhsi:pods.proxy is [secret]: it must be a map" in text
    assert hidden not in text


def test_what_is_no_url_of_a_proxy_is_refused() -> None:
    assert "it is no URL" in mistakes_in(standby_with(pods={"proxy": {"httpProxy": "proxy.example.com:3128"}}))


# Requests and limits.


def job_resources(pods: dict[str, Any]) -> Any:
    (container,) = everything("standby", pods=pods).one(JOB).inputs["spec"]["template"]["spec"]["containers"]
    return container["resources"]


def test_the_resources_of_jobs_are_the_users_where_given_and_complete_in_any_case() -> None:
    assert job_resources({}) == container_resources.JOB.manifest()
    found = job_resources({"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "example.com/gpu": "1"}}})
    assert found["requests"] == {**container_resources.JOB.requests, "cpu": "1"}
    assert found["limits"] == {**container_resources.JOB.limits, "cpu": "2", "example.com/gpu": "1"}


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"requests": {"memory": "1Gi"}}, 'resources.requests.memory is "1Gi": a Job\'s container may have 256Mi'),
        ({"limits": {"memory": "32Mi"}}, 'resources.limits.memory is "32Mi": a Job\'s container requests 64Mi'),
        ({"limits": {"cpu": "much"}}, "rhsi:pods.resources.limits.cpu"),
    ],
)
def test_a_request_above_its_limit_is_refused(resources: dict[str, Any], told: str) -> None:
    assert told in mistakes_in(standby_with(pods={"resources": resources}))


QUOTA = {"completeResources": True}


@pytest.mark.parametrize("name", ["primary with everything", "standby with everything"])
def test_every_container_is_complete_where_a_quota_is_to_be_met(name: str) -> None:
    graph = everything(name, pods=QUOTA)
    containers = [
        container
        for kind in (JOB, STATEFUL_SET)
        for one in graph.made(kind)
        for container in [
            *one.inputs["spec"]["template"]["spec"]["containers"],
            *one.inputs["spec"]["template"]["spec"].get("initContainers", []),
        ]
    ]
    containers += [spec_of(graph, "Cluster"), *spec_of(graph, "Pooler")["template"]["spec"]["containers"]]
    assert len(containers) > 4
    containers.append(spec_of(graph, "ObjectStore")["instanceSidecarConfiguration"])
    for one in containers:
        for part in ("requests", "limits"):
            assert one["resources"][part].keys() >= {"cpu", "memory"}


def test_without_it_a_database_that_stands_keeps_the_resources_that_it_has() -> None:
    (server,) = everything("primary with everything").made(STATEFUL_SET)
    for part in ("initContainers", "containers"):
        (container,) = server.inputs["spec"]["template"]["spec"][part]
        assert container["resources"] == {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        }
    assert "resources" not in spec_of(everything("primary with everything"), "Cluster")
    assert "template" not in spec_of(everything("primary with everything"), "Pooler")
    assert "instanceSidecarConfiguration" not in spec_of(everything("primary with everything"), "ObjectStore")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (
            ContainerResources(requests={}, limits={}),
            ContainerResources(
                requests={"cpu": "100m", "memory": "256Mi"},
                limits={"cpu": "1", "memory": "1Gi"},
            ),
        ),
        (
            ContainerResources(requests={"memory": "4Gi", "cpu": "50m"}, limits={"hugepages-2Mi": "2Mi"}),
            ContainerResources(
                requests={"memory": "4Gi", "cpu": "50m"},
                limits={"hugepages-2Mi": "2Mi", "cpu": "1", "memory": "4Gi"},
            ),
        ),
        (
            ContainerResources(requests={}, limits={"memory": "128Mi", "cpu": "4"}),
            ContainerResources(
                requests={"memory": "128Mi", "cpu": "100m"},
                limits={"memory": "128Mi", "cpu": "4"},
            ),
        ),
    ],
)
def test_what_is_completed_asks_for_no_more_than_it_may_have(own: ContainerResources, told: ContainerResources) -> None:
    found = container_resources.completed(own, container_resources.DATABASE)
    assert found == told
    assert not container_resources.exceeding(found)


def test_quantities_are_compared_as_kubernetes_does() -> None:
    assert amount("1Gi") == 2**30 > (amount("1G") or 0)
    assert amount("0.5") == amount("500m")
    assert amount("1e3") is None


@pytest.mark.parametrize(
    "text", ["1", "0.5", "500m", "1.5Gi", "10k", "2E", "0", "0.0", "0m", "1e3", "1Ki2", "-1", "m", "\u0663"]
)
def test_a_setting_takes_what_can_be_compared_and_is_not_nothing(text: str) -> None:
    assert (formats.quantity(text) is None) is bool(amount(text))


# Images.


@pytest.mark.parametrize("platform", ["openshift", "kubernetes"])
def test_all_default_images_follow_the_mirror_but_those_of_the_cluster(platform: str) -> None:
    mirror = "mirror.example.com:5000/team"
    for one, own in zip(default_images(platform, mirror), default_images(platform), strict=True):
        if own.image.startswith("image-registry.openshift-image-registry.svc:5000/"):
            assert one.image == own.image
        else:
            assert one.image == f"{mirror}/{own.image.partition('/')[2]}"


@pytest.mark.parametrize("platform", ["openshift", "kubernetes"])
@pytest.mark.parametrize("operator", ["edb", "community"])
@pytest.mark.parametrize("mirror", ["", "mirror.example.com"])
def test_the_list_of_images_is_what_a_stack_runs(platform: str, operator: str, mirror: str) -> None:
    edb = {"enabled": True, "operator": operator, "smokeTest": True, "pooler": {"instances": 0}}
    changes: dict[str, Any] = {
        "cluster": {**STANDBY["cluster"], "platform": platform},
        "postgres": {"enabled": True, "smokeTest": True, "monitoring": True, "backup": {"destinationPath": "s3://b"}},
        "edb": edb,
        "images": {"registry": mirror},
    }
    graph = record(standby_with(**changes), stack="site-b")
    used = {
        container["image"]
        for kind in (JOB, STATEFUL_SET)
        for one in graph.made(kind)
        for container in one.inputs["spec"]["template"]["spec"]["containers"]
    } | {spec_of(graph, "Cluster")["imageName"]}
    other = {"edb": "community", "community": "edb"}[operator]
    listed = {one.image for one in default_images(platform, mirror) if f"operator: {other}" not in one.runs}
    assert used == listed


def test_an_image_that_a_setting_names_is_used_as_it_is() -> None:
    mirror = {"registry": "mirror.example.com", "claim": "registry.example.com/cli:1"}
    own = "registry.example.com/postgresql:16.4"
    images = {"postgres": {"enabled": False, "image": own}, "edb": {"enabled": False, "image": own}}
    found = settings_of({**PRIMARY, "images": mirror, **images}, stack="site-a")
    assert (found.cli_image, found.postgres_image, found.edb_image) == (mirror["claim"], own, own)
    server = {"enabled": True, "operator": "edb", "registry": {"server": "registry.example.com", "token": "t"}}
    found = settings_of({**PRIMARY, "images": mirror, "edb": server}, stack="site-a")
    assert found.edb_image.startswith("registry.example.com/k8s/postgresql:16")


@pytest.mark.parametrize("registry", ["https://mirror.example.com", "mirror.example.com/", "Mirror", "a b", "a:123456"])
def test_what_is_no_registry_is_refused(registry: str) -> None:
    text = mistakes_in(standby_with(images={"registry": registry}))
    assert "write a registry, with a port and a folder if it needs them" in text


# Network policies.


def test_policies_are_off_and_take_a_switch() -> None:
    assert not settings_of(STANDBY, stack="site-b").network_policies.enabled
    text = mistakes_in(standby_with(networkPolicies={"clients": ["shop"]}))
    assert "rhsi:networkPolicies.enabled is missing: write true to have the policies" in text


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"apiServer": ["10.0.0.1"]}, 'rhsi:networkPolicies.apiServer.0 is "10.0.0.1": write the length of the prefix'),
        ({"apiServer": ["10.0.0.1/24"]}, 'rhsi:networkPolicies.apiServer.0 is "10.0.0.1/24": it is no network'),
        ({"clients": ["Shop"]}, 'rhsi:networkPolicies.clients.0 is "Shop"'),
        ({"linkPorts": []}, "rhsi:networkPolicies.linkPorts is []: without a port no link comes up"),
        ({"linkPorts": [0]}, "rhsi:networkPolicies.linkPorts.0 is 0"),
    ],
)
def test_what_no_policy_can_hold_is_refused(wanted: dict[str, Any], told: str) -> None:
    assert told in mistakes_in(standby_with(networkPolicies={"enabled": True, **wanted}))
