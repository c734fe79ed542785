"""Pulumi and what it starts: the CLI, the plugins, and what the login `jwt` needs on this machine."""

import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ops.doctor.finding import Finding, error, ok, unknown, warning
from ops.doctor.scene import Scene
from ops.engine import EngineError, ask, ask_json

SUBJECT = "pulumi"

CLI = (3, 259)
"""Oldest that README names."""

PLUGINS = {"kubernetes": (4, 32), "vault": (7, 14)}
"""Oldest that README names, by plugin; the SDK of the same name decides which one a run takes."""


def check(project: Path) -> Iterator[Finding]:
    """The versions of what runs `up`."""
    yield _cli(project)
    if not _on_path("pulumi"):
        return
    try:
        listed = ask_json(project, "plugin", "ls", "--json")
    except EngineError as problem:
        yield unknown(SUBJECT, f"Which plugins are installed is not known: {problem}", "pulumi plugin ls")
        return
    installed = {(one.get("name"), one.get("version")) for one in listed if one.get("kind") == "resource"}
    for plugin, oldest in PLUGINS.items():
        yield _plugin(plugin, oldest, installed)


def check_login(scene: Scene) -> Iterator[Finding]:
    """The login `jwt` asks the cluster itself, with kubectl or oc (components/vault/issuer.py)."""
    vault = scene.settings.vault
    if not scene.has_own_login or vault.login != "jwt" or not vault.manage_auth:
        return
    if not any(map(_on_path, ("kubectl", "oc"))):
        yield error(
            "login",
            "rhsi:vault.login jwt reads the cluster's public keys with kubectl or oc, and neither is on PATH.",
            "install kubectl or oc, or set rhsi:vault.login to kubernetes",
        )


def version(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with; none where it begins with something else."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _cli(project: Path) -> Finding:
    needed = ".".join(map(str, CLI))
    try:
        text = ask(project, "version").strip()
    except EngineError as problem:
        return error(SUBJECT, str(problem), f"install Pulumi {needed} or newer: pulumi.com/docs/install")
    if not (found := version(text)):
        return unknown(SUBJECT, f"`pulumi version` says {text!r}; {needed} or newer is needed.", "pulumi about")
    if found < CLI:
        return error(SUBJECT, f"Pulumi is {text}, and {needed} is the oldest that works.", "pulumi self-update")
    return ok(SUBJECT, f"Pulumi {text.removeprefix('v')}.")


def _plugin(plugin: str, oldest: tuple[int, ...], installed: set[tuple[str, str]]) -> Finding:
    needed = ".".join(map(str, oldest))
    try:
        wanted = metadata.version(f"pulumi-{plugin}")
    except metadata.PackageNotFoundError:
        fix = "pulumi install"
        return error(SUBJECT, f"The Python package pulumi-{plugin} is not installed.", fix)
    if version(wanted) < oldest:
        fix = "pulumi install"
        return error(SUBJECT, f"The Python package pulumi-{plugin} is {wanted}, and {needed} is the oldest.", fix)
    if _on_path(f"pulumi-resource-{plugin}"):
        return ok(SUBJECT, f"The plugin {plugin} is the one on PATH.")
    if (plugin, wanted) in installed:
        return ok(SUBJECT, f"The plugin {plugin} {wanted}.")
    return warning(
        SUBJECT,
        f"The plugin {plugin} {wanted} is not installed: `pulumi up` downloads it first.",
        f"pulumi plugin install resource {plugin} {wanted}",
    )


def _on_path(program: str) -> bool:
    return shutil.which(program) is not None
