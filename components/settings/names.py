"""The names that a site's services may not take, because an object of the program has them, or will have.

Owns no name: each comes from the component that gives it to its object. They are reserved whether what they belong to
is on or off, since a feature that is turned on later must not meet a taken name. What Skupper's controller makes in the
namespace counts as the program's own.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components import network_policies
from components.edb.names import routing_key
from components.link import claim, revocation
from components.link.rotation import LINK_SECRET, TOKEN_PREFIX, grant_name
from components.namespace import OWNER_CONFIG_MAP
from components.operators import owners
from components.operators.waiting import JOB_NAMES
from components.postgres import access, backup_schedule, smoke_test, upkeep
from components.postgres.accounts import USER_SECRET_PREFIX, USERS
from components.postgres.replication import FENCED, PRIMARY, STANDBY
from components.secret_store import STORE
from components.settings.mistakes import Mistake
from components.settings.section import LARGEST_COUNTER, section
from components.skupper.network_observer import OBSERVER
from components.skupper.router_access import ROUTER_ACCESS_NAME
from components.skupper.site import SITE_NAMES
from components.vault.reader import READER_ACCOUNT, reviewer_secret

SKUPPERS_PREFIX = "skupper-"

_FIXED = frozenset(
    {
        *SITE_NAMES.values(),
        OWNER_CONFIG_MAP,
        READER_ACCOUNT,
        reviewer_secret(READER_ACCOUNT),
        STORE,
        LINK_SECRET,
        claim.JOB_NAME,
        claim.ACCOUNT_NAME,
        revocation.JOB_NAME,
        revocation.ACCOUNT_NAME,
        PRIMARY,
        STANDBY,
        FENCED,
        access.config_map(PRIMARY),
        access.config_map(STANDBY),
        *USERS,
        smoke_test.JOB_NAME,
        *network_policies.NAMES,
        upkeep.JOB_NAME,
        backup_schedule.NAME,
        ROUTER_ACCESS_NAME,
        f"{ROUTER_ACCESS_NAME}-2",
        *JOB_NAMES.values(),
        owners.JOB_NAME,
        OBSERVER,
    }
)


def is_reserved(name: str, sites: Collection[str]) -> bool:
    """Whether an object of the program, or of Skupper, in the namespace of the Skupper site may have this name.

    Args:
        name: of whatever kind: a name that means one thing as a Secret and another as a Service helps nobody.
        sites: this one and all that it knows, on which its databases and grants are named.
    """
    return (
        name in _FIXED
        or name.startswith((SKUPPERS_PREFIX, USER_SECRET_PREFIX))
        # What the observer's Helm chart makes, such as network-observer-metrics.
        or name.startswith(f"{OBSERVER}-")
        or name in {routing_key(site) for site in sites}
        or bool(re.fullmatch(rf"{TOKEN_PREFIX}-[0-9]+(-[0-9]+)?", name))
        or bool(re.fullmatch(rf"{revocation.JOB_NAME}-[0-9a-f]+", name))
        or name in {grant_name(site, rotation) for site in sites for rotation in _number_at_end(name)}
    )


def _number_at_end(name: str) -> Iterator[int]:
    number = name.rpartition("-")[2]
    if number.isascii() and number.isdecimal() and len(number) <= len(str(LARGEST_COUNTER)):
        yield int(number)


def name_mistakes(raw: Mapping[str, Any], peer: str) -> Iterator[Mistake]:
    """The services of `rhsi:services` that take a name of the program's own; works on unchecked values.

    Args:
        raw: all settings of the stack.
        peer: the site with which this one's databases replicate, or would.
    """
    sites = {str(raw["site"]), peer, *section(raw, "standbys")} - {""}
    skupper = section(raw, "skupper")
    site = (skupper.get("siteName"), skupper.get("existingSite"))
    fix = "the program has, or may be told to make, an object of that name in this namespace; rename the service"
    for key in ("exports", "imports"):
        for name in section(section(raw, "services"), key):
            if is_reserved(name, sites) or name in site:
                yield Mistake.of(f"services.{key}.{name}", name, fix)
