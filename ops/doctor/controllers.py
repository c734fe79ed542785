"""Who works on the stack's objects: whether Skupper's controller, External Secrets and the database operator run.

A login need not be allowed to look at other namespaces, and a controller may run somewhere else. Then what it has
written on objects of this stack tells that it did run; else nobody can tell from here. Whether the controller gives
grants is in its own arguments and variables (skupper:internal/kube/grants/config.go), or in the status of a grant
(skupper:internal/kube/grants/disabled.go).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from components.custom_resource import ACCESS_GRANT, POSTGRES_OPERATORS, SECRET_STORE, SITE
from components.edb.names import cluster_name
from components.settings import Settings
from ops.clusters import Cluster, ClusterError, Manifest
from ops.doctor.finding import Finding, error, ok, unknown
from ops.doctor.scene import Scene
from ops.doctor.scope import watches

SUBJECT = "controllers"
GRANTS = "grants"

ENABLED = {"1", "t", "T", "true", "TRUE", "True"}
"""What Go's strconv.ParseBool calls true."""

NO_GRANTS = "AccessGrants are not enabled"
GRANTS_FIX = (
    "set SKUPPER_ENABLE_GRANTS=true and SKUPPER_GRANT_SERVER_AUTOCONFIGURE=true on the Deployment skupper-controller"
)


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A controller as clusters have it.

    Attributes:
        title: what people call it.
        part: key below `rhsi:operators`.
        selector: of its Deployments, as a query of the API; the labels are those of its own charts and manifests.
        look: the same for a person, as arguments of `oc get deployments`.
        namespace: whose objects of this stack it works on.
        flag: its argument for one namespace only (scope.py).
    """

    title: str
    part: str
    selector: dict[str, str]
    look: str
    namespace: str
    flag: str


def controllers(settings: Settings) -> Iterator[Controller]:
    """Those that work on what this stack makes."""
    # Its name in all of upstream's and Red Hat's manifests; their labels differ.
    named = "metadata.name=skupper-controller"
    yield Controller(
        title="Skupper's controller",
        part="skupper",
        selector={"fieldSelector": named},
        look=f"--field-selector {named}",
        namespace=settings.cluster.namespace,
        flag="watch-namespace",
    )
    if settings.role == "standby":
        label = "app.kubernetes.io/name=external-secrets"
        yield Controller(
            title="External Secrets",
            part="externalSecrets",
            selector={"labelSelector": label},
            look=f"-l {label}",
            namespace=settings.cluster.namespace,
            flag="namespace",
        )
    if settings.edb.enabled:
        edb = settings.edb.operator == "edb"
        label = f"app.kubernetes.io/name={'cloud-native-postgresql' if edb else 'cloudnative-pg'}"
        yield Controller(
            title="EDB Postgres for Kubernetes" if edb else "CloudNativePG",
            part="database",
            selector={"labelSelector": label},
            look=f"-l {label}",
            namespace=settings.edb.namespace,
            flag="",
        )


def check(scene: Scene) -> Iterator[Finding]:
    """Every controller that the stack's objects wait for."""
    for controller in controllers(scene.settings):
        yield _running(scene, controller)


def check_grants(scene: Scene) -> Iterator[Finding]:
    """On a primary: whether Skupper's controller gives grants at all."""
    if scene.settings.role != "primary":
        return
    if scene.installs("skupper"):
        yield ok(GRANTS, "rhsi:operators.skupper installs Skupper with grants enabled.")
        return
    (controller, *_) = controllers(scene.settings)
    found, _ = _deployments(scene.cluster(), controller)
    if here := _here(found, controller):
        yield from map(_grants_of, here)
        return
    grants = scene.cluster().objects(ACCESS_GRANT.api_version, "accessgrants", scene.settings.cluster.namespace)
    states = [grant.get("status") or {} for grant in grants]
    if any(NO_GRANTS in str(state.get("message")) for state in states):
        yield error(GRANTS, f"Skupper's controller says: {NO_GRANTS}.", GRANTS_FIX)
    elif any(state.get("url") and state.get("ca") for state in states):
        yield ok(GRANTS, "Skupper's controller has granted before.")
    else:
        fix = f"{scene.cli} set env deployment/skupper-controller -A --list | grep GRANT"
        yield unknown(GRANTS, "Whether Skupper's controller gives grants cannot be seen by this login.", fix)


def _running(scene: Scene, controller: Controller) -> Finding:
    title, look = controller.title, f"{scene.cli} get deployments -A {controller.look}"
    found, refused = _deployments(scene.cluster(), controller)
    here = _here(found, controller)
    ready = [one for one in here if ((one.get("status") or {}).get("readyReplicas") or 0) > 0]
    if ready:
        return ok(SUBJECT, f"{title} runs ({', '.join(map(_place, ready))}).")
    if here:
        return error(SUBJECT, f"No pod of {title} is ready ({', '.join(map(_place, here))}).", look)
    if scene.installs(controller.part):
        return ok(SUBJECT, f"{title} is not here yet: rhsi:operators.{controller.part} installs it.")
    if found:
        places = ", ".join(map(_place, found))
        sentence = f"{title} runs for other namespaces than {controller.namespace} only ({places})."
        return error(SUBJECT, sentence, f"install one for {controller.namespace}, or for all namespaces; {look}")
    if sign := _sign(scene, controller.part):
        return ok(SUBJECT, f"{title} has been at work: {sign}.")
    why = "this login may not list Deployments" if refused else "no Deployment has its usual name or label"
    return unknown(SUBJECT, f"Whether {title} runs is not known: {why}.", look)


def _deployments(cluster: Cluster, controller: Controller) -> tuple[list[Manifest], bool]:
    """Its Deployments in all namespaces, and whether the login was refused to look."""
    try:
        return cluster.objects("apps/v1", "deployments", **controller.selector), False
    except ClusterError as problem:
        if not problem.refused:
            raise
        return [], True


def _here(deployments: list[Manifest], controller: Controller) -> list[Manifest]:
    return [one for one in deployments if watches(one, controller.namespace, flag=controller.flag)]


def _sign(scene: Scene, part: str) -> str:
    """What a controller has written on this stack's objects."""
    settings, namespace = scene.settings, scene.settings.cluster.namespace
    if part == "skupper":
        site = scene.cluster().object(SITE.api_version, "sites", settings.site_name, namespace) or {}
        by = (site.get("status") or {}).get("controller") or {}
        return f"the Site {settings.site_name} names {by['namespace']}/{by['name']}" if by.get("name") else ""
    if part == "externalSecrets":
        stores = scene.cluster().objects(SECRET_STORE.api_version, "secretstores", namespace)
        judged = [one["metadata"]["name"] for one in stores if (one.get("status") or {}).get("conditions")]
        return f"the SecretStore {judged[0]} has a status" if judged else ""
    if part == "database":
        version = POSTGRES_OPERATORS[settings.edb.operator].cluster.api_version
        found = scene.cluster().object(version, "clusters", cluster_name(settings.site), settings.edb.namespace) or {}
        phase = (found.get("status") or {}).get("phase")
        return f"the Cluster {cluster_name(settings.site)} says {phase!r}" if phase else ""
    return ""


def _grants_of(deployment: Manifest) -> Finding:
    """By its arguments, which win, and its variables."""
    containers = ((deployment.get("spec") or {}).get("template") or {}).get("spec", {}).get("containers") or []
    arguments = [argument.lstrip("-") for one in containers for argument in one.get("args") or []]
    variables = {one["name"]: one.get("value", "") for each in containers for one in each.get("env") or []}
    given = [argument for argument in arguments if argument.partition("=")[0] == "enable-grants"]
    if given:
        enabled = given[-1] == "enable-grants" or given[-1].partition("=")[2] in ENABLED
    else:
        enabled = variables.get("SKUPPER_ENABLE_GRANTS", "") in ENABLED
    if enabled:
        return ok(GRANTS, f"{_place(deployment)} gives grants.")
    return error(GRANTS, f"{_place(deployment)} runs without grants: no AccessGrant gets a code.", GRANTS_FIX)


def _place(manifest: Manifest) -> str:
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
