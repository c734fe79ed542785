"""Which rights of deploy/operator-rbac.yaml the settings of a stack need, and for which names.

The file is the only list of rights: the administrator hands it out, the lab runs both stacks with exactly that, and the
doctor asks for what is in it. When a right counts is up to conditions.py; here stand the namespaces where the roles are
bound, and the names that take the place of the file's.
"""

from collections.abc import Iterator

from components.settings import Settings
from ops.clusters import Right
from ops.doctor.conditions import PARTS, counts
from ops.doctor.rbac_file import FILE, Grant, grants


def rights(settings: Settings) -> list[Right]:
    """What `up`, `refresh` and `destroy` of a stack with these settings do, in the order of the file."""
    found = (
        right
        for grant in grants(FILE.read_text())
        for namespace in _namespaces(grant.role, settings)
        if counts(settings, grant)
        for right in _named(grant, namespace, settings)
    )
    return list(dict.fromkeys(found))


# ---- Where a role is bound; nowhere where nothing needs it. "" stands for the whole cluster. ----


def _namespaces(role: str, settings: Settings) -> list[str]:
    site, databases = settings.cluster.namespace, settings.edb.namespace
    operators = any(settings.operators.part(part).enabled for part in PARTS)
    known = {
        "ClusterRole/rhsi-preview": [site],
        "ClusterRole/rhsi-operator": [site],
        "ClusterRole/rhsi-databases": [site] if settings.postgres.enabled else [],
        "Role/rhsi-preview": ["kube-public"],
        "ClusterRole/rhsi-preview-cluster": [""],
        "ClusterRole/rhsi-operator-cluster": [""],
        "ClusterRole/rhsi-databases-preview": [databases] if settings.edb.enabled else [],
        "ClusterRole/rhsi-databases-operator": [databases] if settings.edb.enabled else [],
        "ClusterRole/rhsi-databases-cluster": [""] if settings.edb.enabled else [],
        "ClusterRole/rhsi-operators": [""] if operators else [],
    }
    return known[role]


# ---- The names of this stack, in the place of the file's. ----


def _named(grant: Grant, namespace: str, settings: Settings) -> Iterator[Right]:
    if grant.resource.startswith("/"):
        yield Right(verb=grant.verb, path=grant.resource)
        return
    resource, _, subresource = grant.resource.partition("/")
    for name in _names(grant, settings):
        yield Right(
            verb=grant.verb,
            group=grant.group,
            resource=resource,
            subresource=subresource,
            name=name,
            namespace=namespace,
        )


def _names(grant: Grant, settings: Settings) -> list[str]:
    name, site = grant.name, settings.cluster.namespace
    if grant.resource == "namespaces" and name == "rhsi":
        own = {site: settings.cluster.create_namespace}
        own |= {settings.edb.namespace: settings.edb.create_namespace} if settings.edb.enabled else {}
        return [namespace for namespace, made in own.items() if made]
    if grant.resource == "clustersecretstores":
        return [settings.vault.store.name] if settings.vault.store else []
    if name == "rhsi-vault-reader-db-auth-delegator":
        return [f"rhsi-vault-reader-{settings.edb.namespace}-auth-delegator"]
    if name == "rhsi-vault-reader-rhsi-auth-delegator":
        return [f"rhsi-vault-reader-{site}-auth-delegator"]
    if grant.role == "ClusterRole/rhsi-operators" and name.endswith("-rhsi"):
        return [name.removesuffix("rhsi") + site]
    return [name]
