"""Who signs a cluster's service-account tokens, as the cluster itself publishes it: the issuer and its public keys.

The only thing that this program reads past Pulumi's providers, and only for `rhsi:vault.login: jwt`: the API server
publishes it at two paths that hold no objects, and pulumi-kubernetes reads nothing else. So kubectl or oc of whoever
runs `up` asks, by the same kubeconfig and context. A copy inside the cluster would be as old as its last refresh, and
whoever may write there could change it. Nothing that is read is secret.
Source: k8s.io/kubernetes, pkg/serviceaccount/openidmetadata.go.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.vault import jwk

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/openid/v1/jwks"
# The first of these on PATH asks; both take the same arguments.
PROGRAMS = ("kubectl", "oc")
_SECONDS = 20


class IssuerError(pulumi.RunError):
    """What the cluster does not tell, in one sentence with the way out."""


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Who signs a cluster's tokens.

    Attributes:
        url: the `iss` of its tokens; nobody need reach it.
        keys: its public keys as PEM, in an order that does not depend on the cluster's.
        algorithms: with which these sign.
        left_out: what is wrong with keys that Vault is not told of.
    """

    url: str
    keys: tuple[str, ...]
    algorithms: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def issuer_of(discovery: Mapping[str, Any], keys: Mapping[str, Any]) -> Issuer:
    """The issuer of what the cluster publishes at the two paths.

    Raises:
        IssuerError: something is missing, or no key is of a kind that Kubernetes signs with.
    """
    url, listed = discovery.get("issuer"), keys.get("keys")
    if not isinstance(url, str) or not url:
        raise IssuerError(f"The cluster names no issuer of its tokens at {DISCOVERY}: see the API server's flags.")
    found: dict[str, str] = {}
    left_out = []
    for key in listed if isinstance(listed, list) else []:
        try:
            found[jwk.pem(key)] = jwk.algorithm(key)
        except (jwk.KeyFormatError, AttributeError) as error:
            left_out.append(str(error))
    if not found:
        raise IssuerError(f"The cluster publishes no key of its tokens at {KEYS}: see the API server's flags.")
    algorithms = tuple(sorted(set(found.values())))
    return Issuer(url=url, keys=tuple(sorted(found)), algorithms=algorithms, left_out=tuple(left_out))


async def read_issuer(context: str) -> Issuer:
    """The issuer of the cluster of a context of the kubeconfig.

    Raises:
        IssuerError: neither program is there, or the cluster does not answer, or not with an issuer.
    """
    discovery, keys = await asyncio.gather(read_path(context, DISCOVERY), read_path(context, KEYS))
    issuer = issuer_of(discovery, keys)
    for fault in issuer.left_out:
        pulumi.log.warn(f"Vault is not told of a key of the cluster's tokens at {KEYS}, for it {fault}.")
    return issuer


async def read_path(context: str, path: str) -> Mapping[str, Any]:
    """The JSON object at a path of the API server.

    Raises:
        IssuerError: see `read_issuer`.
    """
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise IssuerError(
            "rhsi:vault.login jwt takes the cluster's public keys with kubectl or oc, and neither is on PATH: install "
            "one where `pulumi` runs."
        )
    command = [program, "--context", context, "--request-timeout", f"{_SECONDS}s", "get", "--raw", path]
    try:
        # No thread of the loop waits: other resources go on meanwhile.
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=2 * _SECONDS, check=False
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise IssuerError(_unread(context, path, str(error))) from error
    if not isinstance(found, dict):
        raise IssuerError(_unread(context, path, done.stderr))
    return found


def _unread(context: str, path: str, said: str) -> str:
    return (
        f"The cluster of context {context} does not tell whoever runs this with which keys it signs tokens: "
        f"`kubectl --context {context} get --raw {path}` said {' '.join(said.split()) or 'nothing'!r}. The ClusterRole "
        "system:service-account-issuer-discovery gives that right."
    )
