"""Names that settings may not take: every one that the program has in a namespace, and what Kubernetes would refuse."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components import settings
from components.settings.names import is_reserved
from tests.unit import urns
from tests.unit.recorder import PRIMARY, PRIMARY_OUTPUTS, STANDBY, record, reveal, settings_of
from tests.unit.urns import VARIANTS, Variant

SITES = ("site-a", "site-b", "site-c")
NAMESPACE = "rhsi"
OF_THE_USER = {"orders", "stock", "prices"}
"""The services of the variants' own settings."""
SITE_OF_THE_USER = "hub"
"""The Site of some; its own settings keep services from that name."""


def refused(values: Mapping[str, Any], *, stack: str) -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack=stack)
    return str(refusal.value)


def objects(variant: Variant) -> Iterator[tuple[str, str, str]]:
    """Logical name, kind and name of every object that the program makes or reads in the Skupper site's namespace."""
    for resource in urns.registered(variant):
        identity = urns.identity(resource)
        if not resource.token.startswith("kubernetes:"):
            continue
        # What is read has its id only.
        read_from, _, read = identity.get("id", "").partition("/")
        if identity.get("namespace", read_from) == NAMESPACE:
            # A name that is ignored once the object stands is no part of its identity, and taken all the same.
            metadata = reveal(resource.inputs.get("metadata")) or {}
            yield resource.name, resource.token, metadata.get("name") or read


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_of_the_program_has_a_reserved_name(variant: str) -> None:
    found = list(objects(VARIANTS[variant]))
    assert found
    assert not [
        one for one in found if not is_reserved(one[2], SITES) and one[2] not in {*OF_THE_USER, SITE_OF_THE_USER}
    ], "components/settings/names.py has to know it"


def test_a_users_services_are_the_only_ones_whose_names_are_free() -> None:
    names = {name for _, _, name in objects(VARIANTS["primary with everything"])}
    assert {name for name in names if not is_reserved(name, SITES)} == OF_THE_USER


@pytest.fixture(scope="module")
def taken() -> list[str]:
    """The names of the program's objects in all variants, and some that it gives elsewhere or Skupper does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAULT_TOKEN", "test-token")
        found = {name for variant in VARIANTS.values() for _, _, name in objects(variant)}
    others = {"rhsi-owner", "skupper-router", "skupper-grant-server", "standby-from-vault-7-2"}
    return sorted(found - OF_THE_USER | others)


@pytest.mark.parametrize(
    ("values", "stack", "standbys"),
    [(PRIMARY, "site-a", {"site-b": {}, "site-c": {}}), (STANDBY, "site-b", None)],
    ids=["primary", "standby"],
)
@pytest.mark.parametrize("key", ["exports", "imports"])
def test_a_service_may_take_none_of_them_whatever_is_off(
    values: dict[str, Any], stack: str, standbys: object, key: str, taken: list[str]
) -> None:
    known = {"site-a", "site-b"} if standbys is None else set(SITES)
    for name in taken:
        service = {"host": "db.example.com", "port": 5432} if key == "exports" else {"port": 5432}
        wanted = {**values, "services": {key: {name: service}}, **({"standbys": standbys} if standbys else {})}
        if is_reserved(name, known):
            told = refused(wanted, stack=stack)
            assert f'rhsi:services.{key}.{name} is "{name}": the program has, or may be told to make, an object' in told


def test_an_export_cannot_take_the_place_of_the_replicated_databases() -> None:
    exports = {"exports": {"pg-site-a": {"host": "db.example.com", "port": 5432}}}
    edb = {"enabled": True, "operator": "community"}
    assert "rename the service" in refused({**PRIMARY, "services": exports, "edb": edb}, stack="site-a")


def test_names_that_only_look_like_the_programs_are_free() -> None:
    for name in ("pg-reports", "postgres", "postgres-orders", "rhsi", "standby-from-vault", "rhsi-site-b-grant"):
        assert not is_reserved(name, SITES)
    imports = {"services": {"imports": {"pg-reports": {"port": 5432}}}}
    assert record({**STANDBY, **imports}, stack="site-b").resources


@pytest.mark.parametrize("name", ["3scale", "-a", "a-", "A", "a_b", "a.b", "x" * 64])
@pytest.mark.parametrize("key", ["exports", "imports"])
def test_a_service_has_a_name_that_a_service_may_have(key: str, name: str) -> None:
    service = {"host": "db.example.com", "port": 5432} if key == "exports" else {"port": 5432}
    told = refused({**STANDBY, "services": {key: {name: service}}}, stack="site-b")
    assert f'rhsi:services.{key}.{name} is "{name}": it is the name of a Service, for which Kubernetes takes' in told


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "kube-x", "openshift", "openshift-operators"])
def test_a_namespace_of_the_platform_is_refused(name: str) -> None:
    own = {**STANDBY, "cluster": {**STANDBY["cluster"], "namespace": name}}
    assert f'rhsi:cluster.namespace is "{name}": namespaces of that name are the platform\'s own' in refused(
        own, stack="site-b"
    )
    edb = {**STANDBY, "edb": {"enabled": True, "operator": "community", "namespace": name}}
    assert f'rhsi:edb.namespace is "{name}": namespaces of that name are the platform\'s own' in refused(
        edb, stack="site-b"
    )


def test_the_default_namespace_is_nobodys_to_own_but_may_be_used() -> None:
    def cluster(**changes: object) -> dict[str, Any]:
        return {**STANDBY, "cluster": {**STANDBY["cluster"], "namespace": "default", **changes}}

    assert "set createNamespace to false beside it" in refused(cluster(), stack="site-b")
    assert settings_of(cluster(createNamespace=False), stack="site-b").cluster.namespace == "default"
    edb = {"enabled": True, "operator": "community", "namespace": "default"}
    assert "rhsi:edb.namespace is" in refused({**STANDBY, "edb": edb}, stack="site-b")
    used = settings_of({**STANDBY, "edb": {**edb, "createNamespace": False}}, stack="site-b")
    assert used.edb.namespace == "default"


LONGEST = "x" * 46
"""As long as a site's name may be with replicated databases: the operator takes 50 characters for `edb-<site>`."""


def edb_standby(site: str, peer: str) -> dict[str, Any]:
    return {**STANDBY, "site": site, "edb": {"enabled": True, "operator": "community", "peer": peer}}


def test_names_that_follow_from_a_sites_are_not_longer_than_what_takes_them() -> None:
    for site, peer in ((LONGEST + "x", "a"), ("a", LONGEST + "x")):
        assert f"the operator takes 50 characters for edb-{LONGEST}x" in refused(edb_standby(site, peer), stack="s")
    loaded = settings_of(edb_standby(LONGEST, "a"), stack="s")
    logins = [f"edb-{site}-{use}" for site in (LONGEST, "a") for use in ("superuser", "app", "replicator")]
    outputs = {**PRIMARY_OUTPUTS, "edb": {**PRIMARY_OUTPUTS["edb"], "peer": LONGEST, "site": "a"}}
    grant = PRIMARY_OUTPUTS["standbys"]["site-b"]
    outputs["standbys"] = {LONGEST: {**grant, "secrets": {secret: f"{LONGEST}/{secret}" for secret in logins}}}
    graph = record(edb_standby(LONGEST, "a"), stack="s", primary_outputs=outputs)
    names = [urns.identity(one).get("name", "") for one in graph.resources.values()]
    assert any(loaded.site in name for name in names)
    assert max(map(len, names)) <= 63, "no name is too long for a Service or a label"


def test_the_longest_site_without_replicated_databases_has_names_that_kubernetes_takes() -> None:
    site = "x" * 63
    values = {**PRIMARY, "standbys": {site: {"rotation": 10**15}}, "postgres": {"enabled": True}}
    graph = record(values, stack="site-a")
    names = [urns.identity(one).get("name", "") for one in graph.resources.values()]
    assert f"rhsi-{site}-grant-{10**15}" in names
    assert max(map(len, names)) <= 253, "an AccessGrant's name is a subdomain"
