"""The packages of the lab's catalogues, under the names, channels and install modes of the real ones.

Owns the table. Versions are invented where a real catalogue changes with every release; what they install is what the
lab's stand-ins serve. Sources: facts/skupper.md section 11 and facts/cnpg.md section 8 of the project, skupper's
scripts/skupper-operator-bundle-generator.sh, openshift/external-secrets-operator's bundle/.
"""

import copy
from collections.abc import Callable
from functools import cache

from lab.binaries.definitions import external_secrets_definitions
from lab.kube import Manifest
from lab.progress import Silent
from lab.stand_ins.cnpg import crds as cnpg
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB, Group
from lab.stand_ins.external_secrets import crds as external_secrets
from lab.stand_ins.network_observer import crds as network_observer
from lab.stand_ins.olm.bundles import ALL_NAMESPACES, EVERY_MODE, Bundle, Package, chain
from lab.stand_ins.skupper import crds as skupper

_sites = cache(skupper.definitions)
_observers = cache(network_observer.definitions)
_operands = cache(external_secrets.definitions)

EDB_DEADLINE = 10
"""Seconds until the pods of EDB's operator count as failed, where their image cannot be pulled: upstream waits 600."""


def deployment(
    name: str, image: str, *, account: str, arguments: tuple[str, ...] = (), pull_secret: str = "", deadline: int = 600
) -> Manifest:
    """One Deployment of a CSV, with one container."""
    labels = {"app.kubernetes.io/name": name, "control-plane": name}
    container: Manifest = {"name": "manager", "image": image, "args": list(arguments)}
    pods: Manifest = {"serviceAccountName": account, "containers": [container]}
    if pull_secret:
        pods["imagePullSecrets"] = [{"name": pull_secret}]
    spec = {
        "replicas": 1,
        "progressDeadlineSeconds": deadline,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pods},
    }
    return {"name": name, "spec": spec}


def _skupper(version: str) -> Bundle:
    account = "skupper-controller"
    image = f"registry.redhat.io/service-interconnect/skupper-controller-rhel9:{version}"
    # Grants are on in the bundle (skupper-operator-bundle-generator.sh:143).
    arguments = ("-enable-grants", "-grant-server-autoconfigure")
    return Bundle(
        package="skupper-operator",
        name=f"skupper-operator.v{version}-rh-1",
        version=version,
        title="Red Hat Service Interconnect",
        modes=ALL_NAMESPACES,
        definitions=_sites,
        deployments=(deployment("skupper-controller", image, account=account, arguments=arguments),),
        account=account,
    )


def _observer(version: str) -> Bundle:
    account = "network-observer-operator-controller-manager"
    image = f"registry.redhat.io/service-interconnect/skupper-network-observer-operator-rhel9:{version}"
    return Bundle(
        package="skupper-netobs-operator",
        name=f"skupper-netobs-operator.v{version}-rh-1",
        version=version,
        title="Red Hat Service Interconnect Network Observer",
        modes=ALL_NAMESPACES,
        definitions=_observers,
        deployments=(deployment(account, image, account=account),),
        account=account,
    )


def _of_red_hat(make: Callable[[str], Bundle]) -> Package:
    """Both of Red Hat Service Interconnect's packages have these channels."""
    old, older = make("2.1.3"), make("2.1.2")
    new, newer = make("2.2.0"), make("2.2.1")
    skipped = ">=2.1.0 <2.2.1"
    return Package(
        name=old.package,
        default_channel="stable-2",
        channels={
            "stable-2": chain([older, old, new, newer], skipped),
            "stable-2.1": chain([older, old]),
            "stable-2.2": chain([new, newer], skipped),
        },
    )


def _external_secrets(version: str) -> Bundle:
    account = "external-secrets-operator-controller-manager"
    image = f"registry.redhat.io/external-secrets-operator/external-secrets-rhel9-operator:{version}"
    return Bundle(
        package="openshift-external-secrets-operator",
        # The first release had another name.
        name=f"{'' if version == '1.0.0' else 'openshift-'}external-secrets-operator.v{version}",
        version=version,
        title="External Secrets Operator for Red Hat OpenShift",
        modes=ALL_NAMESPACES,
        definitions=lambda: [*_secrets(), *_operands()],
        deployments=(deployment(account, image, account=account),),
        account=account,
    )


def _community_external_secrets() -> Bundle:
    account = "external-secrets-operator-controller-manager"
    image = "ghcr.io/external-secrets/external-secrets-helm-operator:v0.11.0"
    return Bundle(
        package="external-secrets-operator",
        name="external-secrets-operator.v0.11.0",
        version="0.11.0",
        title="External Secrets Operator",
        modes=EVERY_MODE,
        definitions=_old_secrets,
        deployments=(deployment(account, image, account=account),),
        account=account,
    )


def _cloudnative_pg(version: str) -> Bundle:
    account = "cnpg-manager"
    image = f"ghcr.io/cloudnative-pg/cloudnative-pg:{version}"
    return Bundle(
        package="cloudnative-pg",
        name=f"cloudnative-pg.v{version}",
        version=version,
        title="CloudNativePG",
        modes=EVERY_MODE,
        definitions=lambda: _databases(COMMUNITY),
        deployments=(deployment("cnpg-controller-manager", image, account=account),),
        account=account,
    )


def _edb(version: str) -> Bundle:
    account = "postgresql-operator-manager"
    name = f"postgresql-operator-controller-manager-{version.replace('.', '-')}"
    image = f"docker.enterprisedb.com/k8s/edb-postgres-for-cloudnativepg:{version}"
    secret = "postgresql-operator-pull-secret"  # noqa: S105 - the name of a Secret
    return Bundle(
        package="cloud-native-postgresql",
        name=f"cloud-native-postgresql.v{version}",
        version=version,
        title="EDB Postgres for Kubernetes",
        modes=EVERY_MODE,
        definitions=lambda: _databases(EDB),
        deployments=(deployment(name, image, account=account, pull_secret=secret, deadline=EDB_DEADLINE),),
        account=account,
    )


def _of_edb() -> Package:
    long_term, old, older, new, newer = (_edb(one) for one in ("1.28.3", "1.29.1", "1.29.0", "1.30.0", "1.30.1"))
    return Package(
        name=old.package,
        default_channel="fast",
        channels={
            "fast": chain([older, old, new, newer]),
            "stable": chain([long_term]),
            "stable-v1.29": chain([older, old]),
            "stable-v1.30": chain([new, newer], ">=1.29.0 <1.30.1"),
        },
    )


@cache
def catalogues() -> dict[str, tuple[Package, ...]]:
    """The catalogues that can be pulled, by the last part of their image's path.

    Raises:
        LabError: the definitions of External Secrets cannot be had.
    """
    stable = chain([_cloudnative_pg(version) for version in ("1.29.1", "1.30.0", "1.30.1")])
    secrets = chain([_external_secrets(version) for version in ("1.0.0", "1.1.0")], "<1.1.0")
    dead = chain([_community_external_secrets()])
    community = Package(name="cloudnative-pg", default_channel="stable-v1", channels={"stable-v1": stable})
    return {
        "redhat-operator-index": (
            _of_red_hat(_skupper),
            _of_red_hat(_observer),
            Package(
                name="openshift-external-secrets-operator",
                default_channel="stable-v1",
                channels={"stable-v1": secrets},
            ),
        ),
        "certified-operator-index": (_of_edb(), community),
        "community-operator-index": (
            Package(
                name="external-secrets-operator",
                default_channel="stable",
                channels={"stable": dead, "alpha": dead},
            ),
        ),
        "redhat-marketplace-index": (),
    }


@cache
def _secrets() -> list[Manifest]:
    return external_secrets_definitions(Silent())


@cache
def _old_secrets() -> list[Manifest]:
    """Those of the release before external-secrets.io/v1: the community's last one serves v1beta1 only."""
    found = copy.deepcopy(_secrets())
    for version in (version for definition in found for version in definition["spec"]["versions"]):
        version["name"] = "v1beta1" if version["name"] == "v1" else version["name"]
    return found


@cache
def _databases(group: Group) -> list[Manifest]:
    return [one for one in cnpg.definitions() if one["spec"]["group"] == group.name]
