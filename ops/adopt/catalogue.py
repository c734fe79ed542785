"""What a stack cannot take over by itself where it exists already, and under which name the state must know it.

`pulumi up` applies its Kubernetes objects over those that stand, but it creates namespaces, and in Vault a mount, an
auth mount and a policy, only where there is none. These have to be imported. The list depends on the settings alone;
whether a thing exists is `found`'s. Types, names, parents and providers are those that the program registers: a test
compares each with what it does register.

Not in the list, for `up` writes them whole over whatever stands: the configuration of the auth mount (an import would
keep the stored reviewer token, which Vault does not give away and nobody sees as a difference) and the secrets in the
KV mount.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component of the program, above what it makes."""

    type: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Adoptable:
    """Something to import, if it exists.

    Attributes:
        what: in words.
        type: Pulumi's type token.
        name: the logical name.
        id: by which its provider finds it.
        provider: the logical name of the explicit provider that the program gives it.
        parents: the components above it, the outermost first.
        place: where it is: the API path in Vault, or `Kind namespace/name`.
        setting: the key below `rhsi:` that leaves it to others when it is false; empty where none does.
    """

    what: str
    type: str
    name: str
    id: str
    provider: str
    parents: tuple[Component, ...]
    place: str
    setting: str = ""

    def urn(self, stack: str, project: str) -> str:
        """The URN (pulumi:sdk/go/common/resource/urn/urn.go, New)."""
        types = "$".join([*(parent.type for parent in self.parents), self.type])
        return f"urn:pulumi:{stack}::{project}::{types}::{self.name}"


NAMESPACE = "kubernetes:core/v1:Namespace"
CONNECTOR = "kubernetes:skupper.io/v2alpha1:Connector"
LISTENER = "kubernetes:skupper.io/v2alpha1:Listener"
POLICY = "vault:index/policy:Policy"
ROLES = {login: f"vault:{login}/authBackendRole:AuthBackendRole" for login in ("kubernetes", "jwt")}
MOUNT = "vault:index/mount:Mount"
AUTH_MOUNTS = {"kubernetes": "vault:index/authBackend:AuthBackend", "jwt": "vault:jwt/authBackend:AuthBackend"}
IMPORTED = frozenset({NAMESPACE, CONNECTOR, LISTENER, MOUNT, POLICY, *AUTH_MOUNTS.values(), *ROLES.values()})
"""All types of this catalogue."""
CREATING = "kubernetes-creating"


def adoptables(settings: Settings) -> list[Adoptable]:
    """Everything that a stack with these settings has to import where it exists, in the order in which it uses it."""
    return [*_namespaces(settings), *_of_role(settings), *_services(settings)]


def place(kind: str, name: str, namespace: str = "") -> str:
    """Where a Kubernetes object is."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def site(settings: Settings) -> Component:
    """The outermost component, the site's."""
    return Component(type=f"rhsi:index:{settings.role.capitalize()}Site", name=settings.role)


def login_provider(settings: Settings) -> str:
    """The provider of auth mount, policy and role."""
    return "vault-login" if settings.vault.auth_namespace else "vault"


def _namespaces(settings: Settings) -> Iterator[Adoptable]:
    role, edb = settings.role, settings.edb
    if settings.cluster.create_namespace:
        above = Component(type="rhsi:index:SkupperSite", name=f"{role}-skupper")
        yield _namespace(settings, above, settings.cluster.namespace, "cluster.createNamespace")
    if edb.enabled and edb.create_namespace:
        above = Component(type=f"rhsi:index:{role.capitalize()}Edb", name=f"{role}-edb")
        yield _namespace(settings, above, edb.namespace, "edb.createNamespace")


def _namespace(settings: Settings, above: Component, namespace: str, setting: str) -> Adoptable:
    return Adoptable(
        what=f"Namespace {namespace}",
        type=NAMESPACE,
        name=f"{above.name}-namespace",
        id=namespace,
        provider=CREATING,
        parents=(site(settings), above),
        place=place("Namespace", namespace),
        setting=setting,
    )


def _of_role(settings: Settings) -> Iterator[Adoptable]:
    if settings.role == "primary":
        yield from _mount(settings)
    elif settings.vault.store is None:
        yield from _login(settings)


def _mount(settings: Settings) -> Iterator[Adoptable]:
    mount = settings.vault.mount
    if settings.vault.manage_mount:
        yield Adoptable(
            what=f"KV mount {mount} in Vault",
            type=MOUNT,
            name="primary-kv-mount",
            id=mount,
            provider="vault",
            parents=(site(settings), Component(type="rhsi:index:KvStore", name="primary-kv")),
            place=f"sys/mounts/{mount}",
            setting="vault.manageMount",
        )


def _login(settings: Settings) -> Iterator[Adoptable]:
    path, policy, login = settings.auth_path, settings.vault_policy, settings.vault.login
    kind = "KubernetesAuth" if login == "kubernetes" else "JwtAuth"
    above = (site(settings), Component(type=f"rhsi:index:{kind}", name="standby-vault-auth"))

    role = f"auth/{path}/role/{policy}"
    parts = [
        _Part("policy", f"Policy {policy} in Vault", POLICY, policy, f"sys/policies/acl/{policy}"),
        _Part("role", f"Role {policy} of auth mount {path}", ROLES[login], role, role),
    ]
    if settings.vault.manage_auth:
        parts.insert(1, _Part("mount", f"Auth mount {path} in Vault", AUTH_MOUNTS[login], path, f"sys/auth/{path}"))
    for part in parts:
        yield Adoptable(
            what=part.what,
            type=part.type,
            name=f"standby-vault-auth-{part.name}",
            id=part.id,
            provider=login_provider(settings),
            parents=above,
            place=part.place,
            setting="vault.manageAuth" if part.name == "mount" else "",
        )


class _Part(NamedTuple):
    """A part of the way in."""

    name: str
    what: str
    type: str
    id: str
    place: str


def _services(settings: Settings) -> Iterator[Adoptable]:
    """Beside a Site of somebody else the program creates its Connectors and Listeners, and takes none over."""
    if not settings.skupper.existing_site:
        return
    namespace, role = settings.cluster.namespace, settings.role
    for kind, way, names, token in (
        ("Connector", "export", settings.services.exports, CONNECTOR),
        ("Listener", "import", settings.services.imports, LISTENER),
    ):
        for name in names:
            above = Component(type=f"rhsi:index:Service{way.capitalize()}", name=f"{role}-{way}-{name}")
            yield Adoptable(
                what=f"{kind} {namespace}/{name}",
                type=token,
                name=f"{above.name}-{kind.lower()}",
                id=f"{namespace}/{name}",
                provider=CREATING,
                parents=(site(settings), above),
                place=place(kind, name, namespace),
            )
