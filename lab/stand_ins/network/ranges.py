"""The range of Service addresses of each cluster: different ones for every cluster and every lab of a machine.

The pods' addresses lie above them (127.128.0.0/9).
"""

import hashlib
from pathlib import Path

# 127.64.0.0 to 127.127.255.0 in blocks of 254 Services, more than a lab ever has.
_LOWEST, _BLOCKS = 64, 64 * 256


def service_range(home: Path, number: int) -> str:
    """The block for the lab's cluster of that number, made from the lab's home, so that no record is needed.

    Clusters of one lab never share a block; two labs on a machine do once in some thousand pairs.
    """
    digest = hashlib.sha256(str(home).encode()).digest()
    block = (int.from_bytes(digest[:4]) + number) % _BLOCKS
    return f"127.{_LOWEST + block // 256}.{block % 256}.0/24"


def kubernetes_address(services: str) -> str:
    """The address that Kubernetes keeps for its own Service: the first of the range."""
    return services.removesuffix("0/24") + "1"
