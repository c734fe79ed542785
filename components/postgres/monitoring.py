"""Metrics of a server for Prometheus: an exporter beside it in its pod, and the PodMonitor that finds it.

The exporter logs in through the pod's socket as a role that may read statistics and nothing else. It has no probe: a
server whose exporter is ill is as ready as before. Who makes the role is up to upkeep.sh.
"""

from typing import Any

from components.container_resources import EXPORTER
from components.postgres.accounts import MONITOR
from components.restricted_pod import container_security

# Its readme lists the versions of PostgreSQL that it knows, 18 among them.
IMAGE = "quay.io/prometheuscommunity/postgres-exporter:v0.18.1"
PORT = 9187


def exporter(image: str, sockets: str) -> dict[str, Any]:
    """The container; `sockets` is the folder with the server's socket, a volume of that name."""
    return {
        "name": "exporter",
        "image": image,
        "env": [
            {"name": "DATA_SOURCE_NAME", "value": f"host={sockets} user={MONITOR} dbname=postgres sslmode=disable"},
        ],
        "ports": [{"name": "metrics", "containerPort": PORT}],
        "resources": EXPORTER.manifest(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "sockets", "mountPath": sockets, "readOnly": True}],
    }


def pod_monitor_spec(labels: dict[str, str]) -> dict[str, Any]:
    """Spec of the PodMonitor that finds the pod with these labels."""
    return {"selector": {"matchLabels": labels}, "podMetricsEndpoints": [{"port": "metrics"}]}
