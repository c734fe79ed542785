"""The lab's servers as background processes: API servers, OpenBao, External Secrets, and the lab's stand-ins."""

PARTS = ("clusters", "vault", "eso", "network", "skupper", "pods", "cnpg", "olm")
"""What a lab consists of; each can be left out, where the real thing stands in its place.

OLM is a part of bare labs only: elsewhere the others are at work without anybody to install them.
"""
