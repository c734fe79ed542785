"""Names that the program reserves for what a stack's settings leave out: nothing happens to objects of these names.

Owns no name either (names.py). Reserved names are refused whether a feature is on or off; whoever tells a person what a
run does with an object that stands has to know the difference.
"""

from collections.abc import Iterable

from components import network_policies
from components.link import claim, revocation
from components.link.rotation import LINK_SECRET
from components.operators import owners
from components.operators.waiting import JOB_NAMES
from components.postgres import access, backup_schedule, smoke_test, upkeep
from components.postgres.accounts import USER_SECRET_PREFIX, USERS
from components.postgres.replication import FENCED, PRIMARY, STANDBY
from components.secret_store import STORE
from components.settings.stack import Settings
from components.skupper.network_observer import OBSERVER
from components.vault.reader import READER_ACCOUNT


def is_unused(name: str, settings: Settings) -> bool:
    """Whether no object of a stack with these settings has a reserved name in the namespace of the Skupper site."""
    # What the observer's operator makes is never the stack's.
    return name in _unused(settings) or name.startswith(f"{OBSERVER}-")


def is_password(name: str) -> bool:
    """Whether a Secret of this name, in the same namespace, has a password of the streaming database."""
    return name in USERS or name.startswith(USER_SECRET_PREFIX)


def _unused(settings: Settings) -> set[str]:
    standby, postgres = settings.role == "standby", settings.postgres.enabled
    installed = {part for part in JOB_NAMES if settings.operators.part(part).enabled}
    parts: list[tuple[bool, Iterable[str]]] = [
        (standby, (claim.JOB_NAME, claim.ACCOUNT_NAME, LINK_SECRET)),
        (standby and settings.vault.store is None, (READER_ACCOUNT, STORE)),
        (settings.revoke > 0, (revocation.JOB_NAME, revocation.ACCOUNT_NAME)),
        (postgres, (PRIMARY, STANDBY, FENCED, access.config_map(PRIMARY), access.config_map(STANDBY))),
        (postgres, (smoke_test.JOB_NAME, upkeep.JOB_NAME, backup_schedule.NAME)),
        (settings.network_policies.enabled, network_policies.NAMES),
        (settings.network_observer.enabled, (OBSERVER,)),
        *((part in installed, (job,)) for part, job in JOB_NAMES.items()),
        (bool(installed), (owners.JOB_NAME,)),
    ]
    return {name for used, names in parts if not used for name in names}
