"""The lab's servers as background processes: API servers, OpenBao, External Secrets, and the lab's stand-ins."""

PARTS = ("clusters", "vault", "eso", "network", "skupper", "pods", "cnpg")
"""What a lab consists of; each can be left out, where the real thing stands in its place."""
