"""`rhsi:edb.publish` and what makes the tables that it names, for people who replicate their own."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from components.settings import edb_formats, formats
from components.settings.mistakes import Mistake
from components.settings.section import GivenText, Section, checked, section

TableName = Annotated[str, Field(min_length=1), checked(edb_formats.table)]
SchemaName = Annotated[str, Field(min_length=1), checked(edb_formats.schema)]


class Publish(Section):
    """`rhsi:edb.publish`: what this site writes and its peer reads; each table has one publisher."""

    tables: list[TableName] = Field(default_factory=list)
    """Tables that this site publishes, as `schema.table`, upper and lower case as PostgreSQL has them. By default the
    demonstration's table of the site, `public.site_a_data`."""
    schemas: list[SchemaName] = Field(default_factory=list)
    """Schemas of which this site publishes every table, also later ones. After a later table exists, raise `refresh` on
    the other site."""

    @property
    def given(self) -> bool:
        """Whether the site names anything, and so publishes no table of the demonstration."""
        return bool(self.tables or self.schemas)


class SqlSource(Section):
    """An entry of `rhsi:edb.initSqlFrom`: SQL in a ConfigMap or a Secret of the databases' namespace."""

    config_map: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Name of the ConfigMap, or else `secret`."""
    secret: Annotated[str, checked(formats.kubernetes_name)] = ""
    """Name of the Secret, or else `configMap`."""
    key: GivenText = "schema.sql"
    """The key with the SQL."""


def publish_mistakes(edb: Mapping[str, Any]) -> Iterator[Mistake]:
    """What several keys tell together; works on unchecked values."""
    publish = section(edb, "publish")
    tables, schemas = (_texts(publish.get(key)) for key in ("tables", "schemas"))
    if isinstance(edb.get("publish"), dict) and not tables and not schemas and not _has_other_shapes(publish):
        fix = "name at least one table or schema, or remove the section for the demonstration's table"
        yield Mistake.of("edb.publish", publish, fix)
    if edb.get("refresh") and not publish:
        fix = "it is of use with rhsi:edb.publish only, since the demonstration's tables stay what they are; remove it"
        yield Mistake.of("edb.refresh", edb["refresh"], fix)
    for key, names in (("tables", tables), ("schemas", schemas)):
        for name in (name for name, count in Counter(names).items() if count > 1):
            yield Mistake.of(f"edb.publish.{key}", name, "it is there twice; remove one")
    for name in dict.fromkeys(tables):
        if name.partition(".")[0] in schemas:
            fix = f"the schema {name.partition('.')[0]} is published as a whole; remove the table, or the schema"
            yield Mistake.of("edb.publish.tables", name, fix)
    sources = edb.get("initSqlFrom")
    if isinstance(sources, list) and sources and edb.get("createNamespace") is not False:
        fix = (
            "what rhsi:edb.initSqlFrom names must be there before the cluster boots, and so must the namespace; make "
            "it yourself and write false here, or write the statements into rhsi:edb.initSql"
        )
        yield Mistake.of("edb.createNamespace", edb.get("createNamespace"), fix)
    for index, one in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(one, dict) and bool(one.get("configMap")) == bool(one.get("secret")):
            yield Mistake.of(f"edb.initSqlFrom.{index}", one, "name either a configMap or a secret")


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _has_other_shapes(publish: Mapping[str, Any]) -> bool:
    """Whether something is there that has a mistake of its own."""
    return any(publish.values()) or bool(publish.keys() - {"tables", "schemas"})
