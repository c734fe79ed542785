"""Settings of the operators that OLM installs for a stack: `rhsi:operators`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from components.operators.packages import CATALOGUES, Catalogues, Package, packages
from components.settings import formats
from components.settings.edb import Edb
from components.settings.mistakes import Mistake
from components.settings.section import Section, Text, checked, section
from components.settings.site import Cluster

# Their packages of External Secrets end before external-secrets.io/v1.
_COMMUNITYS = frozenset({"operatorhubio-catalog", "community-operators"})
_GLOBAL = frozenset(catalogues.global_namespace for catalogues in CATALOGUES.values())


def _namespace(text: str) -> str | None:
    """One's own, or the one for the operators that serve all namespaces."""
    return None if text in _GLOBAL else formats.namespace(text)


def _source(text: str) -> str | None:
    """The name of a CatalogSource: labels joined by dots."""
    return next(filter(None, map(formats.kubernetes_name, text.split("."))), None)


class Operator(Section):
    """`rhsi:operators.<part>`: one operator."""

    enabled: bool = False
    """Whether this stack installs the operator. Write it out, also to keep the section without it."""
    channel: Text = ""
    """The channel of the package. Empty means the package's usual one, which docs/examples/operators.primary.yaml
    lists."""
    source: Annotated[str, checked(_source)] = ""
    """The CatalogSource that has the package. Empty means Red Hat's or the certified one on OpenShift; on other
    clusters the community's, where that has a package that fits."""
    source_namespace: Annotated[str, checked(formats.kubernetes_name)] = ""
    """The namespace of the CatalogSource. Empty means `openshift-marketplace`, on other clusters `olm`."""
    namespace: Annotated[str, checked(_namespace)] = ""
    """Where the operator lives: the platform's namespace for operators of the whole cluster (`openshift-operators`, on
    other clusters `operators`), which nobody makes or deletes, or one of its own, which this stack makes and deletes.
    Empty means what the package's documentation names."""
    starting_csv: Annotated[Text, Field(alias="startingCSV")] = ""
    """The version to install first, as its ClusterServiceVersion is called. With `approval: Manual` also the version to
    stay at, and `up` fails at any other; OLM never goes back to an older one. Empty means the channel's newest."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether OLM installs and upgrades by itself, or a person approves each InstallPlan. `up` does not wait for a
    person: it ends with the command that approves, and the next `up` continues. OLM makes one InstallPlan for all that
    a namespace gets, so one Manual operator makes its neighbours Manual too."""


class Operators(Section):
    """`rhsi:operators`, on either role: the operators that this stack installs by OLM."""

    skupper: Operator = Operator()
    """Skupper's operator (Red Hat Service Interconnect), with access grants enabled."""
    network_observer: Operator = Operator()
    """The operator of Skupper's network observer, for `rhsi:networkObserver`."""
    external_secrets: Operator = Operator()
    """A standby's External Secrets: Red Hat's operator, and the object that lets it run. A primary needs none."""
    database: Operator = Operator()
    """The operator of `rhsi:edb`: EDB's or CloudNativePG, as `edb.operator` says."""

    def part(self, part: str) -> Operator:
        """The operator under a key of the stack file."""
        found: dict[str, Operator] = {
            str(field.alias): getattr(self, name) for name, field in Operators.model_fields.items()
        }
        return found[part]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an operator comes from and goes to, with all defaults."""

    package: Package
    channel: str
    source: str
    source_namespace: str
    namespace: str
    shared: bool
    """Whether the namespace is the platform's, for the operators of the whole cluster."""


def place(operators: Operators, part: str, *, platform: str, edb_operator: str) -> Place:
    """One operator's place."""
    wanted, catalogues, package = operators.part(part), CATALOGUES[platform], packages(edb_operator)[part]
    namespace = wanted.namespace or _usual_namespace(package, catalogues)
    return Place(
        package=package,
        channel=wanted.channel or package.channel,
        source=wanted.source or catalogues.community or package.source,
        source_namespace=wanted.source_namespace or catalogues.namespace,
        namespace=namespace,
        shared=namespace == catalogues.global_namespace,
    )


def _usual_namespace(package: Package, catalogues: Catalogues) -> str:
    return package.own_namespace or catalogues.global_namespace


def operators_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values, so that nothing hides behind another mistake."""
    operators = section(raw, "operators")
    platform = section(raw, "cluster").get("platform", Cluster.model_fields["platform"].default)
    catalogues = CATALOGUES.get(platform if isinstance(platform, str) else "", CATALOGUES["openshift"])
    edb_operator = section(raw, "edb").get("operator", Edb.model_fields["operator"].default)
    known = packages(edb_operator if isinstance(edb_operator, str) else "")
    used: dict[Any, str] = {}
    places: dict[str, Any] = {}
    for part, package in known.items():
        wanted = section(operators, part)
        if wanted and "enabled" not in wanted:
            fix = "write true for the operator, or false to keep these settings without it"
            yield Mistake.of(f"operators.{part}.enabled", None, fix)
        if wanted.get("enabled") is not True:
            continue
        yield from _of_use(raw, part)
        yield from _of_source(part, wanted, package, catalogues)
        yield from _of_version(part, wanted, package)
        namespace = wanted.get("namespace") or _usual_namespace(package, catalogues)
        if isinstance(namespace, str):
            yield from _of_namespace(raw, part, namespace, used, catalogues)
            used.setdefault(namespace, part)
            places[part] = namespace
    yield from _of_pins(operators, places)
    if section(operators, "database").get("enabled") is True and edb_operator == "edb":
        yield from _of_unreachable_store(raw, known["database"])


def _of_use(raw: Mapping[str, Any], part: str) -> Iterator[Mistake]:
    """An operator that nothing of this stack uses belongs to somebody else."""
    if part == "externalSecrets" and raw.get("role") == "primary":
        fix = "a primary writes to Vault by itself and needs no External Secrets; move it to the standby's stack"
        yield Mistake.of("operators.externalSecrets.enabled", True, fix)
    needs = {"networkObserver": ("networkObserver", "network observer"), "database": ("edb", "replicated databases")}
    if part in needs and section(raw, needs[part][0]).get("enabled") is not True:
        key, what = needs[part]
        fix = f"this stack has no {what} that would use it; set rhsi:{key}.enabled to true, or remove this"
        yield Mistake.of(f"operators.{part}.enabled", True, fix)
    if part == "skupper" and section(raw, "skupper").get("existingSite"):
        fix = "rhsi:skupper.existingSite is a Site whose operator runs already; remove one of the two"
        yield Mistake.of("operators.skupper.enabled", True, fix)


def _of_unreachable_store(raw: Mapping[str, Any], package: Package) -> Iterator[Mistake]:
    """EDB's operator gets its pull secret from Vault in a namespace that nobody could enter before this stack."""
    vault = section(raw, "vault")
    ways = {
        "caProvider": "write the CA as rhsi:vault.ca",
        "clientTls": f"remove operators.database and install {package.without_olm}",
    }
    for key, way in ways.items():
        if raw.get("role") == "standby" and vault.get(key) and not vault.get("store"):
            fix = (
                "operators.database makes a namespace for EDB's operator, in which External Secrets needs the same "
                f"object, and nobody can put it there before; {way}"
            )
            yield Mistake.of(f"vault.{key}", vault[key], fix)


def _of_pins(operators: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[Mistake]:
    """What goes on could only do so together with what is to stay, in an InstallPlan that nobody may approve."""
    for part, namespace in places.items():
        others = [other for other in places if places[other] == namespace and not _is_pinned(operators, other)]
        if others and _is_pinned(operators, part):
            fix = (
                f"OLM makes one InstallPlan for all of {namespace}, so that operators.{others[0]} could only go on "
                "together with this one; give that a startingCSV and approval Manual too, or one of the two a "
                "namespace of its own"
            )
            yield Mistake.of(f"operators.{part}.startingCSV", section(operators, part)["startingCSV"], fix)


def _is_pinned(operators: Mapping[str, Any], part: str) -> bool:
    wanted = section(operators, part)
    return wanted.get("approval") == "Manual" and bool(wanted.get("startingCSV"))


def _of_source(part: str, wanted: Mapping[str, Any], package: Package, catalogues: Catalogues) -> Iterator[Mistake]:
    source = wanted.get("source")
    if not source and catalogues.community and not package.community:
        fix = (
            f"the community's catalogue has no {package.name} that fits; name the catalogue of yours that has it, or "
            f"remove the part and install {package.without_olm}"
        )
        yield Mistake.of(f"operators.{part}.source", None, fix)
    if part == "externalSecrets" and isinstance(source, str) and source in _COMMUNITYS:
        fix = (
            "the community's package does not serve external-secrets.io/v1; take redhat-operators, or remove the "
            f"part and install {package.without_olm}"
        )
        yield Mistake.of(f"operators.{part}.source", source, fix)


def _of_version(part: str, wanted: Mapping[str, Any], package: Package) -> Iterator[Mistake]:
    version = wanted.get("startingCSV")
    if not isinstance(version, str) or not version:
        return
    names = "|".join(map(re.escape, package.csv_names))
    if not re.fullmatch(rf"({names})\.v[0-9][A-Za-z0-9.+-]*", version):
        fix = f"the package {package.name} has no such version; write one such as {package.csv_names[-1]}.v1.2.3"
        yield Mistake.of(f"operators.{part}.startingCSV", version, fix)


def _of_namespace(
    raw: Mapping[str, Any], part: str, namespace: str, used: Mapping[Any, str], catalogues: Catalogues
) -> Iterator[Mistake]:
    key = f"operators.{part}.namespace"
    shared = namespace == catalogues.global_namespace
    if namespace in _GLOBAL and not shared and namespace.startswith("openshift-"):
        fix = f"only OpenShift has it; write {catalogues.global_namespace}, or a namespace of its own"
        yield Mistake.of(key, namespace, fix)
    if part == "database" and shared and section(raw, "edb").get("operator", "edb") == "edb":
        fix = "EDB's operator needs its pull secret beside it; give it a namespace of its own, or leave this out"
        yield Mistake.of(key, namespace, fix)
    if namespace == "default":
        fix = "no stack can own that namespace, for Kubernetes never lets it go; choose another one"
        yield Mistake.of(key, namespace, fix)
    databases = section(raw, "edb").get("namespace", Edb.model_fields["namespace"].default)
    site = section(raw, "cluster").get("namespace", Cluster.model_fields["namespace"].default)
    if namespace in (site, databases if section(raw, "edb").get("enabled") is True else site):
        fix = "the stack has other things there; an operator needs a namespace of its own, or the platform's"
        yield Mistake.of(key, namespace, fix)
    if not shared and namespace in used:
        fix = f"operators.{used[namespace]} has it already; give each operator a namespace of its own"
        yield Mistake.of(key, namespace, fix)
