"""Vault itself: reachable, unsealed, the token and how long it lasts, and the engine of the KV mount.

What the token may do is up to vault_rights.py, what stands in Vault already to vault_names.py.
"""

from collections.abc import Iterator

from components.vault.mount import engine_problem
from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene
from ops.doctor.tools import version
from ops.vault import VaultError

SUBJECT = "vault"

OLDEST = (1, 16)
"""That README names; OpenBao begins with 2.0."""

SHORT = 30 * 60
"""Seconds: an `up` that waits for a database and its operators takes longer than a token with less than this."""


def check(scene: Scene) -> Iterator[Finding]:
    """Vault as the person who runs `pulumi` reaches it."""
    vault = scene.vault()
    try:
        health = vault.health()
    except VaultError as problem:
        yield error(SUBJECT, str(problem), "correct VAULT_ADDR, VAULT_CACERT or rhsi:vault.address: vault status")
        return
    if not health.get("initialized", True):
        yield error(SUBJECT, f"Vault at {vault.address} is not initialized.", "vault operator init")
        return
    if health.get("sealed"):
        yield error(SUBJECT, f"Vault at {vault.address} is sealed.", "vault operator unseal")
        return
    yield _version(vault.address, str(health.get("version") or ""))
    token = _token(scene)
    yield token
    if token.state != "error":
        yield from _engine(scene)


def _version(address: str, text: str) -> Finding:
    if (found := version(text)) and found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return error(SUBJECT, f"Vault at {address} is {text}; {oldest} is the oldest that works.", "upgrade Vault")
    return ok(SUBJECT, f"Vault at {address} answers: {text or 'version unknown'}, unsealed.")


def _token(scene: Scene) -> Finding:
    vault = scene.vault()
    if not vault.has_token:
        return error(
            SUBJECT,
            "VAULT_TOKEN is not set, and `pulumi up` refuses to run without it.",
            "export VAULT_TOKEN=<a token with the policy of deploy/operator-policy.hcl>",
        )
    try:
        token = vault.token()
    except VaultError as problem:
        # The provider asks the same before it does anything, so a token without that right is of no use either
        # (terraform-provider-vault:internal/provider/meta.go, NewProviderMeta).
        sentence = f"VAULT_TOKEN cannot be used, it is invalid, expired or may not look itself up: {problem}"
        return error(SUBJECT, sentence, "vault login, and export VAULT_TOKEN; vault token lookup")
    seconds = int(token.get("ttl") or 0)
    if not seconds:
        return ok(SUBJECT, "The token does not expire.")
    lasts = f"The token is valid for {_duration(seconds)}"
    if seconds < SHORT:
        fix = "vault token renew" if token.get("renewable") else "vault login"
        return warning(SUBJECT, f"{lasts}: a long `up` may outlive it.", fix)
    return ok(SUBJECT, f"{lasts}.")


def _engine(scene: Scene) -> Iterator[Finding]:
    """The mount must be KV version 2; one that this stack is about to make is not there yet."""
    settings, vault = scene.settings, scene.vault()
    mount, key = settings.vault.mount, "rhsi:vault.mount"
    try:
        described = vault.mount(mount)
    except VaultError as problem:
        yield unknown(SUBJECT, f"Which engine {key} {mount!r} has is not known: {problem}", "vault secrets list")
        return
    if described is None:
        yield from _no_mount(scene)
    elif problem_of := engine_problem(mount, described):
        yield error(SUBJECT, f"{key} is {mount!r}, which {problem_of}.", f"vault read sys/internal/ui/mounts/{mount}")
    else:
        yield ok(SUBJECT, f"{mount!r} is a KV mount of version 2.")


def _no_mount(scene: Scene) -> Iterator[Finding]:
    settings = scene.settings
    mount = settings.vault.mount
    where = f"There is no mount {mount!r}, or the token has no right in it"
    if settings.role == "primary" and settings.vault.manage_mount:
        # This stack makes it; whether it may is told by its rights.
        return
    if settings.role == "primary":
        fix = f"vault secrets enable -path={mount} -version=2 kv, or rhsi:vault.manageMount: true"
        yield error(SUBJECT, f"{where}, and rhsi:vault.manageMount is false.", fix)
    else:
        fix = f"pulumi up -s {settings.primary_stack}"
        yield unknown(SUBJECT, f"{where}: a standby's token needs none before the primary's stack is up.", fix)


def _duration(seconds: int) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
