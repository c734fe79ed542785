"""deploy/ as the pages tell an administrator to use it."""

import re
import subprocess

from components.vault.login import policy_hcl
from components.vault.names import below, policy_name
from lab.home import CHECKOUT
from tests.lab import runbook

MOUNT, PREFIX, SITE = "team-secrets", "env.production", "site-b"


def test_the_policy_for_a_mount_of_somebody_else_has_no_right_on_the_mount_itself_and_the_programs_own_names() -> None:
    command, end = " ".join(runbook.commands("An existing Vault mount")).split(" | ")
    assert end == "vault policy write pulumi-rhsi -"
    found = subprocess.run(["/bin/sh", "-c", command], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    paths = re.findall(r'^path "(.*)" {$', found, flags=re.MULTILINE)
    folder = f"{MOUNT}/data/{PREFIX}/{SITE}/*"
    assert {f"{MOUNT}/config", folder, f"{MOUNT}/metadata/{PREFIX}/{SITE}/*", "sys/auth"} <= set(paths)
    name = policy_name(MOUNT, PREFIX, SITE)
    assert {f"sys/policies/acl/{name}", f"auth/kubernetes-{SITE}/role/{name}"} <= set(paths)
    assert [path for path in paths if path.startswith(("rhsi/", "sys/mounts/")) and "/auth/" not in path] == []
    assert f'"token_policies" = [["{name}"]]' in found
    for secrets in ([], [below(PREFIX, "edb-repos2")]):
        text = policy_hcl(MOUNT, below(PREFIX, SITE), secrets)
        assert '"' + text.replace('"', '\\"').replace("\n", "\\n") + '"' in found
