"""People's own tables on a site of either role: what its peer publishes, and the check before any of it moves.

A site reads its peer's list where the order of the stacks allows it: a standby in its primary's outputs, a primary in
Vault. Both refuse what both would publish, whichever list changed last.
"""

from collections.abc import Mapping, Sequence

import pulumi

from components import outputs
from components.component import Component
from components.edb.published import Published, fingerprint, overlaps
from components.edb.published_list import NAME, PublishedList, PublishedListArgs, standbys_list
from components.edb.published_tables import PublishedTables, PublishedTablesArgs
from components.settings import Settings
from components.sites.edb import own_tables
from components.sites.runtimes import edb_runtime


def list_path(settings: Settings, standby: str) -> str:
    """Where in Vault the list of a standby is, below the mount."""
    return settings.vault.below(f"{standby}/{NAME}")


class PeersTables:
    """What the peer publishes, once it does not contradict what this site publishes; for sites with `rhsi:edb.publish`.

    Attributes:
        published: the peer's list, empty where it has none yet.
        taken: a text that changes with it.
    """

    def __init__(self, settings: Settings, published: pulumi.Output[Published]) -> None:
        self._settings = settings
        self.published = published
        self.taken = published.apply(lambda theirs: fingerprint(theirs, settings.edb.refresh))

    @classmethod
    def of_standby(cls, settings: Settings, component: Component) -> "PeersTables":
        """For the primary: the list in Vault, which `component` reads."""
        path = list_path(settings, settings.edb_peer)

        def checked(theirs: Mapping[str, str]) -> Mapping[str, str]:
            if found := overlaps(own_tables(settings), theirs):
                mine, other = found[0]
                raise pulumi.RunError(
                    f"rhsi:edb.publish names {mine}, but {settings.edb_peer} publishes {other} already, as "
                    f"{settings.vault.mount}/{path} in Vault says: a table has one publisher. Remove it here, or there "
                    "first with a `pulumi up` of that stack."
                )
            return theirs

        return cls(settings, standbys_list(settings.vault.mount, path, component).apply(checked))

    @classmethod
    def of_primary(cls, settings: Settings, replicated: pulumi.Output[outputs.PrimaryEdb]) -> "PeersTables":
        """For a standby: the list in the primary's outputs, which `peer_edb` has checked."""

        def published(edb: outputs.PrimaryEdb) -> Published:
            return {name: str(kind) for name, kind in (edb.published or {}).items()}

        return cls(settings, replicated.apply(published))

    def checked(self, name: str, component: Component, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """The check of all tables, once the cluster is there, and the link where this stack makes it."""
        settings = self._settings
        args = PublishedTablesArgs(
            site=settings.site,
            peer=settings.edb_peer,
            namespace=settings.edb.namespace,
            database=settings.edb.database,
            tls=settings.edb.tls,
            own=own_tables(settings),
            theirs=self.published,
            subscribes=settings.edb.subscribe,
            skupper_namespace=settings.cluster.namespace,
            taken=self.taken,
            runtime=edb_runtime(settings),
        )
        return PublishedTables(f"{name}-tables", args, component.child(depends_on=after))

    def listed(self, name: str, component: Component, *, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """For a standby: its own list in Vault, written below its mark there, once its tables are checked.

        The primary takes what the list names. Its own list, which this site takes, is an output of its stack, and a run
        whose check fails leaves the former outputs.
        """
        settings = self._settings
        args = PublishedListArgs(
            vault_mount=settings.vault.mount,
            path=list_path(settings, settings.site),
            published=self.published.apply(lambda _: own_tables(settings)),
        )
        return PublishedList(f"{name}-published", args, component.child(depends_on=list(after)))
