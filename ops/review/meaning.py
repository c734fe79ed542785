"""What a change means on these sites: the link rotates, a database restarts, a namespace goes.

Owns the sentences and which changes get one. The types and names are the program's (components/).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ops.review.changes import Action, Change
from ops.review.differences import PROTECTION, Difference

DELETE, REPLACE, UPDATE, CREATE = Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE
GONE = frozenset({DELETE, REPLACE})


@dataclass(frozen=True)
class Rule:
    """A sentence for the changes that it fits.

    Attributes:
        type: what the end of a resource's type matches.
        actions: which changes.
        sentence: what they mean.
        name: what the resource's logical name matches.
        when: a further condition.
        is_loss: whether data goes that nobody brings back.
    """

    type: str
    actions: frozenset[Action]
    sentence: str
    name: str = ""
    when: Callable[[Change], bool] = lambda _: True
    is_loss: bool = False

    def fits(self, change: Change) -> bool:
        """Whether the sentence is about this change."""
        return (
            change.action in self.actions
            and re.search(f"(?:{self.type})$", change.type) is not None
            and re.search(self.name, change.name) is not None
            and self.when(change)
        )


def _restarts(change: Change) -> bool:
    return any(one.path.startswith("spec.template") for one in change.differences)


def _stops(change: Change) -> bool:
    return any(one.path == "spec.replicas" and one.new == "0" for one in change.differences)


def _changes(ending: str) -> Callable[[Change], bool]:
    return lambda change: any(one.path.endswith(ending) for one in change.differences)


def _claims_another_grant(change: Change) -> bool:
    # Not `.value`: where a variable has moved in the list, its path has no name, and neither link nor grant is known.
    grant = ("env.ROTATION", "env.EXPIRES")
    return any(any(part in one.path for part in grant) or "env[" in one.path for one in change.differences)


def _changes_itself(change: Change) -> bool:
    return any(one.path != PROTECTION for one in change.differences)


def _keeps_volume(change: Change) -> bool:
    spec = change.old.inputs.get("spec") if change.old else None
    policy = spec.get("persistentVolumeClaimRetentionPolicy") if isinstance(spec, dict) else None
    return isinstance(policy, dict) and policy.get("whenDeleted") == "Retain"


_JOB = r"kubernetes:batch/v1:Job"
_DATABASE = r"kubernetes:postgresql[\w.]*/v1:Cluster"
RULES = (
    Rule(
        r":AccessGrant",
        frozenset({REPLACE}),
        "The link rotates: the new grant is in Vault before the old one goes. "
        "Then run `pulumi up` for the standby, whose preview shows its part only after that.",
    ),
    Rule(r":AccessGrant", frozenset({DELETE}), "The standby cannot redeem this grant any more. Its link stays."),
    Rule(
        _JOB,
        frozenset({CREATE, REPLACE}),
        "The site's CA is renewed: every link to this site is down until its standby has rotated.",
        name=r"-renewal-job",
    ),
    Rule(
        _JOB,
        frozenset({REPLACE}),
        "The claim runs again: the new link is Ready before the old one goes.",
        name=r"-claim-job$",
        when=_claims_another_grant,
    ),
    Rule(
        _JOB,
        frozenset({REPLACE}),
        "The claim runs again, for the grant that it has claimed: the link stays.",
        name=r"-claim-job$",
    ),
    Rule(_JOB, frozenset({CREATE}), "The standby claims its link.", name=r"-claim-job$"),
    Rule(
        _JOB,
        frozenset({REPLACE}),
        "It runs again: users, databases, slots and access rules of the running server change.",
        name=r"-upkeep-job$",
    ),
    Rule(_JOB, frozenset({REPLACE}), "It runs again, and writes into the databases.", name=r"smoke-test"),
    Rule(_JOB, frozenset({REPLACE}), "It runs again."),
    Rule(r":Namespace", GONE, "Everything in the namespace goes with it, databases and volumes too.", is_loss=True),
    Rule(r":PersistentVolumeClaim", GONE, "Its data goes with it.", is_loss=True),
    Rule(r":StatefulSet", frozenset({DELETE}), "The database's server goes; its volume stays.", when=_keeps_volume),
    Rule(r":StatefulSet", frozenset({DELETE}), "The database goes with its volume.", is_loss=True),
    Rule(
        r":StatefulSet",
        frozenset({REPLACE}),
        "The database's server is made anew on the volume that it has; it is down meanwhile.",
        when=_keeps_volume,
    ),
    Rule(r":StatefulSet", frozenset({REPLACE}), "The database is made anew, and its volume goes.", is_loss=True),
    Rule(r":StatefulSet", frozenset({UPDATE}), "The database stops.", when=_stops),
    Rule(r":StatefulSet", frozenset({UPDATE}), "The database restarts.", when=_restarts),
    Rule(_DATABASE, GONE, "The database goes with its data.", is_loss=True),
    Rule(
        _DATABASE,
        frozenset({UPDATE}),
        "The operator may restart the database's instances, or switch over between them.",
        when=_changes_itself,
    ),
    Rule(r"postgresql[\w.]*/v1:Subscription", GONE, "The site receives no rows from its peer until a new one stands."),
    Rule(r"postgresql[\w.]*/v1:Publication", GONE, "The peer receives no rows until a new one stands."),
    Rule(r":Site", GONE, "Every link and every exported service of this site goes with it."),
    Rule(
        r":Site",
        frozenset({UPDATE}),
        "The controller may restart the router: links are down for seconds.",
        when=_changes_itself,
    ),
    Rule(r":RouterAccess", GONE, "Standbys cannot reach this site's router: their links go down."),
    Rule(r"vault:index/mount:Mount", GONE, "Every secret in this mount goes with it.", is_loss=True),
    Rule(r"vault:kv/secretV2:SecretV2", frozenset({DELETE}), "All versions of this secret go."),
    Rule(
        r"vault:kv/secretV2:SecretV2",
        frozenset({REPLACE}),
        "The secret and its versions go before it is written anew.",
    ),
    Rule(
        r"vault:kv/secretV2:SecretV2",
        frozenset({UPDATE}),
        "The standby gets new credentials of the link.",
        name=r"-link-token$",
    ),
    Rule(
        r"vault:\w+/(?:authBackend\w*:AuthBackend\w*|policy:Policy)",
        GONE,
        "External Secrets cannot log in to Vault or read there until it is back.",
    ),
    Rule(
        r"vault:kubernetes/authBackendConfig:AuthBackendConfig",
        frozenset({UPDATE}),
        "Vault trusts another CA for this cluster's API server: with a wrong one nobody logs in.",
        when=_changes("kubernetesCaCert"),
    ),
    Rule(
        r"vault:\w+/(?:authBackend\w*:AuthBackend\w*|policy:Policy)",
        frozenset({UPDATE}),
        "Who logs in to Vault, or what the site reads there, changes.",
    ),
    Rule(
        r":SecretStore",
        frozenset({UPDATE}),
        "External Secrets trusts another CA for Vault: with a wrong one it reads nothing.",
        when=_changes("caBundle"),
    ),
    Rule(r":SecretStore", GONE, "External Secrets reads nothing from Vault until it is back."),
    Rule(r":ExternalSecret", frozenset({DELETE}), "The Secret that it fills goes with it."),
    Rule(r":Connector", GONE, "The other sites lose this service."),
    Rule(r":Listener", GONE, "Clients on this site lose the service."),
    Rule(r"core/v1:Service", GONE, "Clients of the service lose it."),
    Rule(r"core/v1:Secret", GONE, "What uses it finds no Secret, or another content."),
    Rule(r"operators\.coreos\.com/v1alpha1:Subscription", GONE, "The operator stays, and gets no more updates."),
    Rule(r"pulumi:providers:\w+", GONE, "All resources of this provider are replaced with it."),
)
"""The first that fits a change says what it means."""

PROTECTED = "It is protected: `pulumi up` refuses that."
UNPROTECTED = "Nothing protects it any more."
VANISHED = "It is gone, and `pulumi up` makes it again."


def meaning(change: Change) -> str:
    """What a change means here; empty where it is of no consequence beyond itself."""
    rule = _rule(change)
    sentences = [VANISHED if change.vanished else rule.sentence if rule else ""]
    if change.protected and change.action in GONE:
        sentences.append(PROTECTED)
    if Difference(PROTECTION, "true", "false") in change.differences:
        sentences.append(UNPROTECTED)
    return " ".join(filter(None, sentences))


def grave(changes: Iterable[Change]) -> list[Change]:
    """The changes that a reviewer must see before all others: losses of data first, then what means something here."""
    found = [one for one in changes if not _is_housekeeping(one) and (one.action in GONE or meaning(one))]
    return sorted(found, key=lambda one: (not _is_loss(one), not meaning(one)))


def _rule(change: Change) -> Rule | None:
    return next((rule for rule in RULES if rule.fits(change)), None)


def _is_loss(change: Change) -> bool:
    rule = _rule(change)
    return rule is not None and rule.is_loss


def _is_housekeeping(change: Change) -> bool:
    """Whether it only groups others, is the engine's own, or belongs to a Job's run, which is told of the Job."""
    is_run = change.kind == "ConfigMap" and change.name.endswith("-run")
    return change.is_component or is_run or change.type.startswith("pulumi:index:")
