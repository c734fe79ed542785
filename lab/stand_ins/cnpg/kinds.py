"""The API groups that are served, and their kinds.

EDB Postgres AI for CloudNativePG is the same operator under another group and another prefix of labels; the names of
its finalizers are derived from that prefix as upstream's are from its own (EDB's source is not public).
"""

from dataclasses import dataclass

from lab.stand_ins.controller.api import Kind

MANAGER = "cloudnative-pg"
"""The field manager of server-side apply, and the value of `app.kubernetes.io/managed-by`."""


@dataclass(frozen=True)
class Group:
    """One API group and the prefix of its labels, annotations and finalizers."""

    name: str
    prefix: str

    @property
    def cluster(self) -> Kind:
        """Kind Cluster."""
        return Kind(f"{self.name}/v1", "Cluster", "clusters")

    @property
    def publication(self) -> Kind:
        """Kind Publication."""
        return Kind(f"{self.name}/v1", "Publication", "publications")

    @property
    def subscription(self) -> Kind:
        """Kind Subscription."""
        return Kind(f"{self.name}/v1", "Subscription", "subscriptions")

    @property
    def backup(self) -> Kind:
        """Kind Backup."""
        return Kind(f"{self.name}/v1", "Backup", "backups")

    @property
    def scheduled_backup(self) -> Kind:
        """Kind ScheduledBackup."""
        return Kind(f"{self.name}/v1", "ScheduledBackup", "scheduledbackups")

    def label(self, name: str) -> str:
        """A label, annotation or finalizer of this group, for example `cnpg.io/cluster`."""
        return f"{self.prefix}/{name}"


COMMUNITY = Group("postgresql.cnpg.io", "cnpg.io")
EDB = Group("postgresql.k8s.enterprisedb.io", "k8s.enterprisedb.io")
GROUPS = (COMMUNITY, EDB)
OBJECT_STORE = Kind("barmancloud.cnpg.io/v1", "ObjectStore", "objectstores")
"""The Barman Cloud plugin's own kind, which is the same for both operators."""
