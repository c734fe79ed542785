"""When a right of deploy/operator-rbac.yaml counts for the settings of a stack: a table by role and resource.

A resource of the file that has no line here is a KeyError, which the tests find: nobody can add a right there without
saying when it is needed.
"""

from collections.abc import Callable

from components.settings import Settings
from ops.doctor.rbac_file import Grant

Condition = Callable[[Settings, Grant], bool]

PARTS = {
    "skupper": "await-skupper-operator",
    "networkObserver": "await-network-observer-operator",
    "externalSecrets": "await-external-secrets-operator",
    "database": "await-database-operator",
}
"""The parts of `rhsi:operators`, and the Job that waits for each."""


def _always(_: Settings, __: Grant) -> bool:
    return True


def _primary(settings: Settings, _: Grant) -> bool:
    return settings.role == "primary"


def _standby(settings: Settings, _: Grant) -> bool:
    return settings.role == "standby"


def _own_login(settings: Settings, _: Grant) -> bool:
    return settings.role == "standby" and settings.vault.store is None


def _reviewed(settings: Settings, grant: Grant) -> bool:
    return _own_login(settings, grant) and settings.vault.login == "kubernetes"


def _clusters_ca(settings: Settings, grant: Grant) -> bool:
    """Vault needs the authority of the API server's certificate, and nobody has given it."""
    return _reviewed(settings, grant) and settings.vault.manage_auth and not settings.cluster.ca


def _signed(settings: Settings, grant: Grant) -> bool:
    return _own_login(settings, grant) and settings.vault.login == "jwt" and settings.vault.manage_auth


def _own_site(settings: Settings, grant: Grant) -> bool:
    return grant.verb in ("get", "list", "watch") or not settings.skupper.existing_site


def _connects(settings: Settings, _: Grant) -> bool:
    services = bool(settings.services.exports or settings.services.imports)
    return services or settings.postgres.enabled or settings.edb.enabled


def _store(settings: Settings, grant: Grant) -> bool:
    """An existing one is looked at."""
    if settings.role != "standby":
        return False
    found = settings.vault.store
    looks = grant.verb in ("get", "list", "watch")
    return found is None or (looks and found.kind == "SecretStore")


def _jobs(settings: Settings, _: Grant) -> bool:
    operators = any(settings.operators.part(part).enabled for part in PARTS)
    return settings.role == "standby" or settings.revoke > 0 or settings.postgres.enabled or operators


def _config_map(settings: Settings, grant: Grant) -> bool:
    """The one that says whose the namespace is, and one for each Job that this stack has."""
    wanted = {
        "": True,
        "rhsi-owner": True,
        "create-access-token-from-vault": settings.role == "standby",
        "renew-site-ca": settings.revoke > 0,
        "postgres-smoke-test": settings.postgres.enabled and settings.postgres.smoke_test,
        "postgres-upkeep": settings.postgres.enabled,
        "check-operator-owners": any(settings.operators.part(part).enabled for part in PARTS),
    }
    wanted |= {job: settings.operators.part(part).enabled for part, job in PARTS.items()}
    return wanted[grant.name]


def _secrets(settings: Settings, grant: Grant) -> bool:
    if grant.name == "rhsi-link-token":
        return settings.role == "standby"
    if grant.name in ("skupper-site-ca", "skupper-site-server"):
        return settings.revoke > 0
    if grant.verb == "delete":
        # A claim's, of earlier Links; a primary's own, of its database's passwords.
        return settings.role == "standby" or settings.postgres.enabled
    return _reviewed(settings, grant) and settings.vault.reviewer == "token"


def _namespace(settings: Settings, grant: Grant) -> bool:
    if grant.name == "kube-system":
        return True
    return settings.cluster.create_namespace or (settings.edb.enabled and settings.edb.create_namespace)


def _own_pod(settings: Settings, grant: Grant) -> bool:
    return grant.name == f"postgres-{settings.role}-0"


def _access(settings: Settings, grant: Grant) -> bool:
    return bool(settings.postgres.pg_hba) and grant.name == f"postgres-{settings.role}-access"


def _database_group(settings: Settings, grant: Grant) -> bool:
    mine = {"edb": "postgresql.k8s.enterprisedb.io", "community": "postgresql.cnpg.io"}[settings.edb.operator]
    wanted = {
        "scheduledbackups": bool(settings.edb.backup.destination_path),
        "poolers": settings.edb.pooler.instances > 0,
    }
    return grant.group == mine and wanted.get(grant.resource, True)


def _operator_wait(settings: Settings, grant: Grant) -> bool:
    """The rights of a wait in the cluster, by the name of the Job; without a name they are every wait's."""
    jobs = {f"{job}-rhsi": settings.operators.part(part).enabled for part, job in PARTS.items()}
    reviewed = _edbs_operator(settings, grant) and _reviewed(settings, grant)
    own_reader = {"rhsi-vault-reader-postgresql-operator-system-auth-delegator": reviewed}
    return (jobs | own_reader | {"": True, "check-operator-owners-rhsi": True})[grant.name]


def _own_operator_namespace(settings: Settings, _: Grant) -> bool:
    on = [part for part in PARTS if settings.operators.part(part).enabled]
    return any(not settings.operator_place(part).shared for part in on)


def _edbs_operator(settings: Settings, _: Grant) -> bool:
    """EDB's operator has a namespace of its own, with a pull secret."""
    return settings.operators.database.enabled and settings.edb.operator == "edb"


def _reads_pull_secret(settings: Settings, grant: Grant) -> bool:
    """On a standby it comes from Vault."""
    return _edbs_operator(settings, grant) and _standby(settings, grant)


def _logs_in_for_it(settings: Settings, grant: Grant) -> bool:
    return _edbs_operator(settings, grant) and _own_login(settings, grant)


def _policies(settings: Settings, _: Grant) -> bool:
    return settings.network_policies.enabled


def _part(part: str) -> Condition:
    return lambda settings, _: settings.operators.part(part).enabled


_RBAC = "rbac.authorization.k8s.io"
_SITE: dict[tuple[str, str], Condition] = {
    ("skupper.io", "sites"): _own_site,
    ("skupper.io", "routeraccesses"): lambda settings, _: settings.skupper.router_access is not None,
    ("skupper.io", "accessgrants"): _primary,
    ("skupper.io", "accesstokens"): _standby,
    ("skupper.io", "links"): _standby,
    ("skupper.io", "connectors"): _connects,
    ("skupper.io", "listeners"): _connects,
    ("observability.skupper.io", "networkobservers"): lambda settings, _: settings.network_observer.enabled,
    ("route.openshift.io", "routes"): lambda settings, _: (
        settings.network_observer.enabled and settings.cluster.platform == "openshift"
    ),
    ("external-secrets.io", "secretstores"): _store,
    ("external-secrets.io", "externalsecrets"): _standby,
    ("batch", "jobs"): _jobs,
    ("", "pods"): _jobs,
    ("", "events"): _jobs,
    ("", "serviceaccounts"): _jobs,
    ("", "configmaps"): _config_map,
    ("", "configmaps/finalizers"): _config_map,
    ("", "secrets"): _secrets,
    (_RBAC, "roles"): _jobs,
    (_RBAC, "rolebindings"): _jobs,
    ("networking.k8s.io", "networkpolicies"): _policies,
}
_DATABASES: dict[tuple[str, str], Condition] = {
    **dict.fromkeys(
        (
            (group, resource)
            for group in ("postgresql.k8s.enterprisedb.io", "postgresql.cnpg.io")
            for resource in ("clusters", "publications", "subscriptions", "scheduledbackups", "poolers")
        ),
        _database_group,
    ),
    ("barmancloud.cnpg.io", "objectstores"): lambda settings, _: bool(settings.edb.backup.destination_path),
    ("monitoring.coreos.com", "podmonitors"): lambda settings, _: settings.edb.monitoring,
    ("external-secrets.io", "secretstores"): _store,
    ("external-secrets.io", "externalsecrets"): _standby,
    ("batch", "jobs"): _always,
    ("networking.k8s.io", "networkpolicies"): _policies,
    ("", "configmaps"): _always,
    ("", "configmaps/finalizers"): _always,
    ("", "serviceaccounts"): _always,
    ("", "pods"): _always,
    ("", "events"): _always,
    ("", "secrets"): _primary,
}
_BY_ROLE: dict[str, dict[tuple[str, str], Condition]] = {
    "ClusterRole/rhsi-preview": _SITE,
    "ClusterRole/rhsi-operator": _SITE,
    "ClusterRole/rhsi-databases": {
        ("apps", "statefulsets"): _always,
        ("", "services"): _always,
        ("", "secrets"): _primary,
        ("", "configmaps"): _access,
        ("", "pods/exec"): _own_pod,
        ("batch", "cronjobs"): lambda settings, _: bool(settings.postgres.backup.destination_path),
        ("policy", "poddisruptionbudgets"): lambda settings, _: settings.postgres.pod_disruption_budget,
        ("monitoring.coreos.com", "podmonitors"): lambda settings, _: settings.postgres.monitoring,
    },
    "Role/rhsi-preview": {("", "configmaps"): _clusters_ca},
    "ClusterRole/rhsi-preview-cluster": {
        ("", "namespaces"): _namespace,
        ("", "/.well-known/openid-configuration"): _signed,
        ("", "/openid/v1/jwks"): _signed,
        ("external-secrets.io", "clustersecretstores"): lambda settings, _: (
            settings.vault.store is not None and settings.vault.store.kind == "ClusterSecretStore"
        ),
    },
    "ClusterRole/rhsi-operator-cluster": {
        ("", "namespaces"): _namespace,
        (_RBAC, "clusterrolebindings"): _reviewed,
        (_RBAC, "clusterroles"): _reviewed,
    },
    "ClusterRole/rhsi-databases-preview": _DATABASES,
    "ClusterRole/rhsi-databases-operator": _DATABASES,
    "ClusterRole/rhsi-databases-cluster": {(_RBAC, "clusterrolebindings"): _reviewed},
    "ClusterRole/rhsi-operators": {
        ("operators.coreos.com", "subscriptions"): _always,
        ("operators.coreos.com", "operatorgroups"): _own_operator_namespace,
        ("operators.coreos.com", "installplans"): _always,
        ("operators.coreos.com", "clusterserviceversions"): _always,
        ("operators.coreos.com", "catalogsources"): _always,
        ("packages.operators.coreos.com", "packagemanifests"): _always,
        ("apiextensions.k8s.io", "customresourcedefinitions"): _always,
        ("operator.openshift.io", "externalsecretsconfigs"): _part("externalSecrets"),
        ("", "namespaces"): _own_operator_namespace,
        ("", "configmaps"): _own_operator_namespace,
        ("", "secrets"): lambda settings, grant: _edbs_operator(settings, grant) and _primary(settings, grant),
        ("", "serviceaccounts"): _logs_in_for_it,
        ("", "pods"): _always,
        ("external-secrets.io", "secretstores"): _logs_in_for_it,
        ("external-secrets.io", "externalsecrets"): _reads_pull_secret,
        **dict.fromkeys(
            ((_RBAC, kind) for kind in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")), _operator_wait
        ),
    },
}


def counts(settings: Settings, grant: Grant) -> bool:
    """Whether a stack with these settings needs a right, where its role is bound."""
    return _BY_ROLE[grant.role][grant.group, grant.resource](settings, grant)
