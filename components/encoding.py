"""Text as Kubernetes carries it where bytes may be meant: in base64."""

import base64


def to_base64(text: str) -> str:
    """The text, as UTF-8, in base64."""
    return base64.b64encode(text.encode()).decode()


def from_base64(encoded: str) -> str:
    """The text behind its base64."""
    return base64.b64decode(encoded).decode()
