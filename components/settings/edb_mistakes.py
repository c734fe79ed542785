"""What only several keys of `rhsi:edb` together tell; all of it works on unchecked values."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.edb.names import (
    NAME_LIMIT,
    app_secret,
    cluster_name,
    replicator_secret,
    subscription_name,
    superuser_secret,
)
from components.settings.backup import backup_mistakes
from components.settings.edb import Edb, likely_peer
from components.settings.mistakes import Mistake
from components.settings.publish import publish_mistakes
from components.settings.section import section
from components.settings.site import OWN_DEFAULT, Cluster
from components.settings.tolerations import tolerations_mistakes

# The longest name that the operator takes for a Cluster (cluster_webhook.go).
CLUSTER_NAME_LIMIT = 50


def edb_mistakes(raw: Mapping[str, Any], secret_keys: frozenset[str]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    edb = section(raw, "edb")
    if "edb" not in secret_keys:
        yield from _in_plain_text(edb)
    if edb and "enabled" not in edb:
        yield Mistake.of("edb.enabled", None, "write true for the databases, or false to keep the section without them")
    if edb.get("enabled") is not True:
        return
    role, site, standbys = str(raw.get("role")), str(raw["site"]), section(raw, "standbys")
    peer = likely_peer(raw)
    shared = section(raw, "cluster").get("namespace", Cluster.model_fields["namespace"].default)
    if edb.get("namespace", Edb.model_fields["namespace"].default) == shared:
        fix = "the databases need a namespace apart from Skupper's; write for example db"
        yield Mistake.of("edb.namespace", shared, fix)
    if role == "primary" and peer not in standbys:
        known = ", ".join(standbys) or "none yet"
        fix = f"the databases replicate with exactly one standby; name it, rhsi:standbys has {known}"
        yield Mistake.of("edb.peer", edb.get("peer"), fix)
    if edb.get("namespace") == "default" and edb.get("createNamespace") is not False:
        yield Mistake.of("edb.namespace", "default", OWN_DEFAULT)
    yield from _of_names(site, peer)
    yield from _of_options(edb)
    yield from tolerations_mistakes("edb.affinity", section(edb, "affinity"))
    yield from publish_mistakes(edb)
    yield from (_of_primary((site, peer), edb) if role == "primary" else _of_standby(edb))


def _in_plain_text(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    given = {f"passwords.{secret}": word for secret, word in section(edb, "passwords").items()}
    given |= {"ca.key": section(edb, "ca").get("key"), "registry.token": section(edb, "registry").get("token")}
    for key in (key for key, value in given.items() if value):
        fix = f"it is in plain text; set it with `pulumi config set --secret --path 'rhsi:edb.{key}'`"
        yield Mistake(f"edb.{key}", "", fix, secret=True)


def _of_names(site: str, peer: str) -> Iterator[Mistake]:
    if peer == site:
        yield Mistake.of("edb.peer", peer, "a site cannot replicate with itself; name the other one")
    for key, name in (("site", site), ("edb.peer", peer)):
        # The Services and Connectors of a cluster have names that are no longer.
        if len(cluster_name(name)) > CLUSTER_NAME_LIMIT:
            fix = (
                f"the operator takes {CLUSTER_NAME_LIMIT} characters for {cluster_name(name)}; shorten the site's name"
            )
            yield Mistake.of(key, name, fix)
    if len(name := subscription_name(site, peer)) > NAME_LIMIT:
        fix = f"PostgreSQL takes {NAME_LIMIT} characters for the subscription {name}; shorten the names of the sites"
        yield Mistake.of("edb.peer", peer, fix)


def _of_options(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    instances, synchronous = edb.get("instances", 1), edb.get("synchronousReplicas", 0)
    if isinstance(instances, int) and isinstance(synchronous, int) and synchronous >= max(instances, 1):
        fix = f"of {instances} instances only {instances - 1} can confirm; raise rhsi:edb.instances or lower this"
        yield Mistake.of("edb.synchronousReplicas", synchronous, fix)
    yield from backup_mistakes(edb, "edb")


def _of_primary(sites: tuple[str, str], edb: Mapping[str, Any]) -> Iterator[Mistake]:
    strict, authority = edb.get("tls") == "verify-full", section(edb, "ca")
    for key in ("certificate", "key"):
        if strict and not authority.get(key):
            fix = "verify-full needs the authority that signs both clusters' certificates; set its PEM"
            yield Mistake.of(f"edb.ca.{key}", None, fix)
    if authority and not strict:
        fix = "an authority is of use with verify-full only; set that, or remove rhsi:edb.ca"
        yield Mistake.of("edb.tls", edb.get("tls"), fix)
    if edb.get("operator", "edb") == "edb" and not section(edb, "registry").get("token"):
        fix = "set EDB's token with `pulumi config set --secret --path 'rhsi:edb.registry.token'`"
        yield Mistake.of("edb.registry.token", None, fix)
    known = [secret(site) for site in sites for secret in (superuser_secret, app_secret, replicator_secret)]
    fix = f"there is no such Secret; they are {', '.join(known)}"
    for unknown in section(edb, "passwords").keys() - known:
        yield Mistake(f"edb.passwords.{unknown}", "", fix, secret=True)


def _of_standby(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    fix = "the primary's stack has it and passes it on through Vault; remove it here"
    for key in ("ca", "passwords", "passwordRotation"):
        if edb.get(key):
            yield Mistake(f"edb.{key}", edb[key], fix, secret=key != "passwordRotation")
    if section(edb, "registry").get("token"):
        yield Mistake("edb.registry.token", "", fix, secret=True)
