"""Many rotations in a row: do objects pile up, does memory grow?

Owns the samples and the two judgements. Counts objects by listing every kind of the stacks' namespaces at the beginning
and at the end; Events are left out, for Kubernetes keeps each for an hour.
"""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kubernetes.dynamic.resource import Resource
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lab.environment import Environment
from lab.kube import connect
from lab.progress import Progress
from lab.rotation.rotate import SETTLED_SECONDS, Rotation, Rotator
from lab.servers.process import memory
from lab.stacks import Stack

MEBIBYTE = 2**20
# Caches fill at first, and a Go program gives memory back late: the last quarter is compared with the second one.
FLAT = 1.10
FEWEST_SAMPLES = 8
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass
class Soak:
    """The figures of a soak.

    Attributes:
        before: kind -> number of objects, before the first rotation.
        after: the same after the last one.
        memory: process -> MiB (PSS) before the first rotation and after each.
        seconds: of each rotation.
        without_link_ms: of each rotation.
        failed: the rotations that were not as they must be.
    """

    before: dict[str, int]
    after: dict[str, int] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    without_link_ms: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def totals(self) -> list[float]:
        """MiB of the whole lab, sample by sample."""
        return [sum(sample) for sample in zip(*self.memory.values(), strict=True)]

    @property
    def ok(self) -> bool:
        """Every rotation as it must be, the same objects as before, flat memory."""
        return not self.failed and self.before == self.after and is_flat(self.totals)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "ok": self.ok,
            "rotations": len(self.seconds),
            "failed": self.failed,
            "without_ready_link_ms": sum(self.without_link_ms),
            "seconds": _figures(self.seconds),
            "objects": {"same": self.before == self.after, "before": self.before, "after": self.after},
            "memory_flat": is_flat(self.totals),
            "memory_mib": {"all": _figures(self.totals), **{name: _figures(at) for name, at in self.memory.items()}},
        }


def is_flat(samples: Sequence[float]) -> bool:
    """Whether the last quarter is no more than a tenth above the second; too few samples tell nothing against it."""
    if len(samples) < FEWEST_SAMPLES:
        return True
    quarter = len(samples) // 4
    return statistics.median(samples[-quarter:]) <= FLAT * statistics.median(samples[quarter : 2 * quarter])


def _figures(samples: Sequence[float]) -> dict[str, float]:
    if not samples:
        return {}
    found = {"first": samples[0], "median": statistics.median(samples), "last": samples[-1], "highest": max(samples)}
    return {name: round(value, 1) for name, value in found.items()}


def soak(environment: Environment, rotator: Rotator, rotations: int, progress: Progress) -> Soak:
    """Rotate so many times; ends early only where an `up` fails."""
    stacks = [rotator.primary, *rotator.standbys]
    found = Soak(before=count_objects(environment, stacks))
    _sample(environment, found.memory)
    for number in range(1, rotations + 1):
        results = rotator.rotate()
        _add(found, number, results)
        _sample(environment, found.memory)
        progress.step(
            f"rotation {number} of {rotations}: {found.seconds[-1]:.1f} s, {found.without_link_ms[-1]} ms without a "
            f"Ready Link, {found.totals[-1]:.0f} MiB"
        )
    # The garbage collector may still be at the last rotation's pod.
    settle = Retrying(
        stop=stop_after_delay(SETTLED_SECONDS),
        wait=wait_fixed(1),
        retry=retry_if_result(lambda after: after != found.before),
        retry_error_callback=lambda last: last.outcome and last.outcome.result(),
    )
    found.after = settle(count_objects, environment, stacks)
    return found


def _add(found: Soak, number: int, results: Sequence[Rotation]) -> None:
    found.seconds.append(max(result.took for result in results) / 1000)
    found.without_link_ms.append(sum(result.without_link_ms for result in results))
    if not all(result.ok for result in results):
        found.failed.append(number)


def _sample(environment: Environment, samples: dict[str, list[float]]) -> None:
    for process in environment.processes():
        samples.setdefault(process.name, []).append(memory([process]) / MEBIBYTE)


def count_objects(environment: Environment, stacks: Sequence[Stack]) -> dict[str, int]:
    """Stack and kind -> number of objects in the stack's namespace, for all kinds that have any."""
    found: Counter[str] = Counter()
    for stack in stacks:
        resources = connect(stack.context, environment.kubeconfig).resources.search()
        # Its subclass stands for lists of a kind.
        kinds = {(one.group, one.kind): one for one in resources if type(one) is Resource and one.namespaced}
        for (_, kind), resource in kinds.items():
            if "list" in resource.verbs and kind != "Event":
                listed = resource.get(namespace=stack.namespace, serialize=False, header_params={"Accept": METADATA})
                found[f"{stack.name} {kind}"] += len(json.loads(listed.data)["items"] or [])
    return {name: count for name, count in sorted(found.items()) if count}
