"""What the token may do in Vault, against what the stack's own settings need (policy_file.py)."""

from collections.abc import Iterator

from ops.doctor.finding import Finding, error, ok, warning
from ops.doctor.policy_file import Allowed, paths
from ops.doctor.scene import Scene

SUBJECT = "vault rights"

FIX = "an administrator: vault policy write pulumi-rhsi deploy/operator-policy.hcl (its head says what to replace)"


def check(scene: Scene) -> Iterator[Finding]:
    """Every path that the settings need, by `sys/capabilities-self`. Limits of parameters are not seen that way."""
    wanted = paths(scene.settings)
    if not scene.vault().has_token:
        # Said by vaults.py.
        return
    lacking = 0
    for login in (False, True):
        here = [one for one in wanted if one.login == login]
        if not here:
            continue
        vault = scene.login() if login else scene.vault()
        found = vault.capabilities(one.path for one in here)
        for one in here:
            missing = _missing(one, found[one.path])
            lacking += bool(missing)
            if missing:
                yield _finding(one, missing, vault.namespace)
    if not lacking:
        yield ok(SUBJECT, f"The token has what these settings need on all {len(wanted)} paths.")


def _missing(wanted: Allowed, has: list[str]) -> list[str]:
    if "root" in has:
        return []
    return [capability for capability in wanted.capabilities if capability not in has]


def _finding(wanted: Allowed, missing: list[str], namespace: str) -> Finding:
    place = f"-namespace={namespace} " if namespace else ""
    sentence = f"The token may not {', '.join(missing)} {wanted.path}"
    fix = f"{FIX}; ask again: vault token capabilities {place}{wanted.path}"
    if not wanted.needed:
        return warning(SUBJECT, f"{sentence}: `up` goes without, and sees less beforehand.", fix)
    return error(SUBJECT, f"{sentence}.", fix)
