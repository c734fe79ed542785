"""How Vault reviews the tokens of a cluster: with which token of its own it asks the API server.

Source: https://developer.hashicorp.com/vault/docs/auth/kubernetes, "How to work with short-lived Kubernetes tokens".
"""

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .resource import UNKNOWN, Resource
from .rule import ADVISORY, MANDATORY, Rule, Settings

FIELDS = ("tokenReviewerJwt", "tokenReviewerJwtWo")
AUTH_CONFIG = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
FIX = "leave it out and give the client's account system:auth-delegator, so that its own token asks for the review"


def expiry(token: Any) -> datetime | None:
    """When a JWT expires; None for one that does not, and for what is no JWT."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != len(("header", "claims", "signature")):
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def expiring(resource: Resource, _settings: Settings) -> Iterator[str]:
    """No stored reviewer token has an end."""
    for field in FIELDS if resource.token == AUTH_CONFIG else ():
        if end := expiry(resource.at(field)):
            yield (
                f"{resource}: {field} is a token that expires at {end:%Y-%m-%dT%H:%M:%SZ}, and every login fails from "
                f"then on; {FIX}."
            )


def stored(resource: Resource, _settings: Settings) -> Iterator[str]:
    """No reviewer token is stored at all. One that a preview does not know yet is one."""
    for field in FIELDS if resource.token == AUTH_CONFIG else ():
        value = resource.at(field)
        if value is UNKNOWN or (value and not expiry(value)):
            yield f"{resource}: {field} is set, so Vault keeps a token that never expires and can be stolen; {FIX}."


RULES = (
    Rule(
        name="reviewer-token-expires",
        description="Vault keeps no reviewer token that expires.",
        level=MANDATORY,
        reason="A token of `kubectl create token` ends after an hour, and every login of External Secrets with it.",
        check=expiring,
    ),
    Rule(
        name="reviewer-token-stored",
        description="Vault keeps no reviewer token.",
        level=ADVISORY,
        reason=(
            "The client's own token can ask for its review, and then nothing is stored. Advisory, because an account "
            "without the right to ask needs a stored one (`rhsi:vault.reviewer: token`)."
        ),
        check=stored,
    ),
)
