"""The Site, and the way into Vault: which settings keep them as they are.

`pulumi up` applies its own values over the ones that stand. Where another value would cut links or make a second thing
beside the first, the plan names the key that says what stands. What a stack does not set stays, whoever set it.
"""

import json
from collections.abc import Iterator
from typing import Any

from ops.adopt import names
from ops.adopt.notes import Case, Head, Note
from ops.adopt.objects import Item

_GOES = "If kubectl has set it, it goes when the stack next changes the object."
# What `rhsi:skupper.linkAccess` takes, besides `none`.
_ACCESS = ("default", "route", "loadbalancer", "nodeport")


def of_site(case: Case) -> Iterator[Note]:
    """Name, way in and routers of the Site."""
    settings = case.settings
    if settings.skupper.existing_site or case.made("Site", f"{case.namespace}/{settings.site_name}"):
        return
    site = case.stands("Site", settings.site_name)
    if site is None:
        yield from _of_other_sites(case)
        return
    yield Note(head=Head.TAKEN_OVER, text=f"{site.place}: its router, certificates and links stay.")
    if settings.role == "primary":
        yield from _of_access(case, site)
    if others := sorted(set(site.spec) - ({"linkAccess"} if settings.role == "primary" else set()) - {"ha"}):
        yield Note(
            head=Head.DECIDE,
            text=f"{site.place} has {', '.join(others)}, which the stack does not set. {_GOES} Keep the Site as it is "
            "with rhsi:cluster.createNamespace false and this.",
            command=case.set("skupper.existingSite", site.name),
        )
    ha = bool(site.spec.get("ha"))
    if ha != settings.skupper.ha:
        has = "two routers" if ha else "one router"
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{site.place} has {has}, and the stack would change that.",
            command=case.set("skupper.ha", "true" if ha else "false"),
        )


def _of_other_sites(case: Case) -> Iterator[Note]:
    for other in case.found.all("Site"):
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{other.place} stands in the namespace, and Skupper takes one Site in each: the stack's would be "
            f"{case.settings.site_name}.",
            command=case.set("skupper.siteName", other.name),
        )


def _of_access(case: Case, site: Item) -> Iterator[Note]:
    wanted = case.settings.skupper.link_access
    stands = str(site.spec.get("linkAccess") or "none")
    if stands == wanted:
        return
    begin = f"{site.place} has linkAccess {stands}, and the stack would make that {wanted}: its links would break."
    if stands in _ACCESS:
        yield Note(head=Head.IN_THE_WAY, text=begin, command=case.set("skupper.linkAccess", stands))
        return
    yield Note(
        head=Head.IN_THE_WAY,
        text=f"{begin} The program cannot describe that way in: use the Site as it is, with "
        "rhsi:cluster.createNamespace false.",
        command=case.set("skupper.existingSite", site.name),
    )


def of_login(case: Case) -> Iterator[Note]:
    """How a standby's store logs in to Vault now, and how it would."""
    settings = case.settings
    if settings.role != "standby" or settings.vault.store is not None:
        return
    yield from _of_config(case)
    store = case.stands("SecretStore", names.STORE)
    if store is None:
        return
    yield Note(head=Head.TAKEN_OVER, text=f"{store.place}: it logs in by {settings.vault.login} from then on.")
    vault: dict[str, Any] = (store.spec.get("provider") or {}).get("vault") or {}
    if (path := str(vault.get("path") or "")) and path != settings.vault.mount:
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{store.place} reads the mount {path}, and rhsi:vault.mount is {settings.vault.mount}. Set it in "
            "both stacks.",
            command=case.set("vault.mount", path),
        )
    yield from _of_connection(case, store, vault)
    auth = vault.get("auth") or {}
    if others := _other_login(case, auth):
        yield Note(
            head=Head.FIRST,
            text=f"{store.place} logs in by {', '.join(others)}. Applied over it, the stack's login would stand beside "
            "that one, and External Secrets might use either. Remove the store right before `pulumi up`: the Secrets "
            "stay, and are not renewed until then.",
            command=case.cli("delete", "secretstore", store.name),
        )
    if vault.get("tls") and settings.vault.client_tls is None:
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{store.place} shows Vault a client certificate, and the stack's would not. {_GOES} Write "
            f"rhsi:vault.clientTls into the stack file: {json.dumps(vault['tls'])}",
        )
    yield from _of_mount_path(case, store, auth.get(settings.vault.login) or {})


def _other_login(case: Case, auth: dict[str, Any]) -> list[str]:
    """What of the store's login the stack's would not replace."""
    login = case.settings.vault.login
    own = auth.get(login) or {}
    account = "serviceAccountRef" if login == "kubernetes" else "kubernetesServiceAccountToken"
    known = {"mountPath", "path", "role", account}
    found = [*sorted(set(auth) - {login, "namespace"}), *(f"{login}.{one}" for one in sorted(set(own) - known))]
    audiences = (own.get(account) or {}).get("audiences") if login == "kubernetes" else None
    if audiences and not case.settings.vault.login_audiences:
        found.append(f"a token for {', '.join(map(str, audiences))}")
    return found


def _of_connection(case: Case, store: Item, vault: dict[str, Any]) -> Iterator[Note]:
    """What the store knows of Vault and the stack does not: External Secrets would lose it."""
    settings = case.settings.vault
    for field, key, wanted in (("server", "address", settings.address), ("namespace", "namespace", settings.namespace)):
        stands = str(vault.get(field) or "")
        if stands and stands.rstrip("/") != wanted.rstrip("/"):
            yield Note(
                head=Head.DECIDE,
                text=f"{store.place} reaches Vault with {field} {stands}, and the stack would set {wanted or 'none'}.",
                command=case.set(f"vault.{key}", stands),
            )
    if settings.ca or settings.ca_provider:
        return
    if provider := vault.get("caProvider"):
        text = f"{store.place} finds Vault's CA in {provider.get('type')} {provider.get('name')}. {_GOES}"
        wanted = json.dumps({"kind": provider.get("type"), "name": provider.get("name"), "key": provider.get("key")})
        yield Note(head=Head.IN_THE_WAY, text=f"{text} Write rhsi:vault.caProvider into the stack file: {wanted}")
    elif vault.get("caBundle"):
        yield Note(
            head=Head.IN_THE_WAY,
            text=f"{store.place} knows Vault's CA, and the stack does not. {_GOES} Write the PEM into the stack file "
            "as rhsi:vault.ca.",
            command=f"{case.cli('get', 'secretstore', store.name, '-o', 'jsonpath={.spec.provider.vault.caBundle}')} "
            "| base64 -d",
        )


def _of_mount_path(case: Case, store: Item, login: dict[str, Any]) -> Iterator[Note]:
    key = "mountPath" if case.settings.vault.login == "kubernetes" else "path"
    path = str(login.get(key) or "").strip("/").removeprefix("v1/").removeprefix("auth/")
    if path and path != case.settings.auth_path:
        yield Note(
            head=Head.DECIDE,
            text=f"{store.place} logs in at the auth mount {path}. The stack would make {case.settings.auth_path} "
            "beside it; this takes the one that stands.",
            command=case.set("vault.authPath", path),
        )
    if (role := str(login.get("role") or "")) and role != case.settings.vault_policy:
        yield Note(
            head=Head.AFTERWARDS,
            text=f"Role {role} of auth mount {path}: the stack's is {case.settings.vault_policy}.",
            command=case.vault("delete", f"auth/{path}/role/{role}", login=True),
        )


def _of_config(case: Case) -> Iterator[Note]:
    settings = case.settings
    path = f"auth/{settings.auth_path}/config"
    if not settings.vault.manage_auth:
        yield Note(
            head=Head.LEFT,
            text=f"The configuration of auth mount {settings.auth_path}. If it has a reviewer token that expires, no "
            "login works afterwards: whoever keeps the mount can take the token out.",
        )
        return
    config = case.found.vault.get(path)
    if config is None or settings.vault.login != "kubernetes" or case.made("AuthBackendConfig", path):
        return
    token = (
        "it is written anew without the stored reviewer token, and each client's own token asks for its review"
        if settings.vault.reviewer == "client"
        else "it is written anew with a reviewer token that does not expire"
    )
    yield Note(head=Head.TAKEN_OVER, text=f"{path} in Vault: {token}.")
    host = str(config.get("kubernetes_host") or "")
    if host and host.rstrip("/") != settings.cluster.api_server.rstrip("/"):
        yield Note(
            head=Head.DECIDE,
            text=f"Vault reaches the API server as {host}. The stack would make that {settings.cluster.api_server}.",
            command=case.set("cluster.apiServer", host),
        )
