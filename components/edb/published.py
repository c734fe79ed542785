"""What a site publishes, as both sites, Vault and the outputs have it: names of tables and schemas. Pure functions.

A map from the name to what it is, `sales.orders` to `table` and `crm` to `schema`. Names are letters, digits and
underscores (components/settings/edb_formats.py) and are quoted wherever they become SQL, so nothing of them can be
anything but a name. An empty map means the demonstration's table of the site.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

TABLE, SCHEMA = "table", "schema"
Published = Mapping[str, str]


def published(tables: Iterable[str], schemas: Iterable[str]) -> dict[str, str]:
    """The map, in a fixed order: tables before schemas, each by name."""
    return {**dict.fromkeys(sorted(tables), TABLE), **dict.fromkeys(sorted(schemas), SCHEMA)}


def named(found: Published, kind: str) -> list[str]:
    """The names of a kind, in order."""
    return sorted(name for name, one in found.items() if one == kind)


def quoted(name: str) -> str:
    """A table or schema as SQL."""
    return ".".join(f'"{part}"' for part in name.split("."))


def overlaps(own: Published, theirs: Published) -> list[tuple[str, str]]:
    """What both publish, as pairs of one's own name and theirs: a table may be in the other's schema."""
    found = []
    for name in own:
        schema, dot, _ = name.partition(".")
        found += [(name, other) for other in theirs if other == name or (dot and other == schema)]
        found += [(name, other) for other in theirs if not dot and other.startswith(f"{name}.")]
    return found


def fingerprint(theirs: Published, refresh: int) -> str:
    """Eight digits that change with what the peer publishes, and with the wish to ask it again."""
    # The word is for subscriptions of the time when each entry held its own files: with another entry they are altered.
    text = json.dumps(["lasting", sorted(theirs.items()), refresh])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def target_objects(own: Published) -> list[dict[str, Any]]:
    """The objects of a Publication."""
    tables = [name.split(".", 1) for name in named(own, TABLE)]
    return [
        *({"table": {"schema": schema, "name": name}} for schema, name in tables),
        *({"tablesInSchema": schema} for schema in named(own, SCHEMA)),
    ]
