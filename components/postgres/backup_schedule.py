"""When base backups of a streaming server are made: a CronJob that has the container beside it make one.

`oc create job --from=cronjob/postgres-backup <name>` makes one by hand. A failed one is a failed Job with the tool's
last words. It may `exec` into the server's pod, and nothing else.
"""

from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CRON_JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, KubernetesObject
from components.postgres.backup import CONTAINER, SCRIPT, ServerBackup, tools
from components.postgres.upkeep import role_rules
from components.restricted_pod import container_security, placement, pod_security
from components.script_job import HOME, Runtime

NAME = "postgres-backup"
# The shell of the container has the script already, in its arguments; this one brings it along.
_COMMAND = (
    'KUBECTL=$(command -v kubectl || command -v oc) || { echo "The image has neither kubectl nor oc."; exit 1; }\n'
    'exec "$KUBECTL" exec "$SERVER-0" -n "$NAMESPACE" -c "$CONTAINER" -- /bin/sh -c "$SCRIPT" postgres-backup base\n'
)


def spec(server: str, namespace: str, backup: ServerBackup, runtime: Runtime) -> dict[str, Any]:
    """Spec of the CronJob; the first of the schedule's six fields, the seconds, is 0 and no part of it."""
    environment = {
        "SERVER": server,
        "NAMESPACE": namespace,
        "CONTAINER": CONTAINER,
        "SCRIPT": tools(backup) + SCRIPT,
        "HOME": HOME,
        **runtime.proxy,
    }
    pod = {
        "serviceAccountName": NAME,
        "restartPolicy": "Never",
        "securityContext": pod_security(runtime.user, volumes=False),
        "containers": [
            {
                "name": "script",
                "image": runtime.image,
                "command": ["/bin/sh", "-c", _COMMAND],
                "env": [{"name": name, "value": value} for name, value in environment.items()],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": container_security(),
                "resources": runtime.resources.manifest(),
                "volumeMounts": [{"name": "home", "mountPath": HOME}],
            }
        ],
        "volumes": [{"name": "home", "emptyDir": {"sizeLimit": "16Mi"}}],
    }
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "rhsi"}
    return {
        "schedule": " ".join(backup.store.schedule.split()[1:]),
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "metadata": {"labels": labels},
                    "spec": pod | placement(runtime.shape, runtime.pull_secret),
                },
            }
        },
    }


class BackupSchedule(Component):
    """The CronJob with its account and rights."""

    made: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        server: str,
        namespace: str,
        backup: ServerBackup,
        runtime: Runtime,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the component."""
        super().__init__("rhsi:index:BackupSchedule", name, opts)
        metadata = {"name": NAME, "namespace": namespace}
        account = KubernetesObject(f"{name}-account", SERVICE_ACCOUNT, metadata=metadata, opts=self.child())
        role = KubernetesObject(f"{name}-role", ROLE, metadata=metadata, rules=role_rules(server), opts=self.child())
        binding = KubernetesObject(
            f"{name}-binding",
            ROLE_BINDING,
            metadata=metadata,
            # As in ScriptJob: looked up in the dry run of a preview.
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": once(role, NAME)},
            subjects=[{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
            opts=self.child(depends_on=[account, role]),
        )
        job = KubernetesObject(
            f"{name}-cron-job",
            CRON_JOB,
            metadata=metadata,
            spec=spec(server, namespace, backup, runtime),
            opts=self.child(depends_on=[binding]),
        )
        self.made = once(job, NAME)
        self.register_outputs({"cronJob": self.made})
