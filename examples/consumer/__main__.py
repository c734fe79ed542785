"""An application beside rhsi: a Job that uses `postgres-primary`, wherever that is, with what rhsi's outputs tell.

Reads names only: the password stays in the Secret that the outputs name, and neither program nor state sees it.
"""

from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

NAME = "rhsi-consumer"
PASSWORD, HOME = "/secrets", "/home/client"

config = pulumi.Config()
rhsi = pulumi.StackReference("rhsi", stack_name=config.require("rhsiStack"))


def output_of_rhsi(name: str) -> pulumi.Output[Any]:
    """One of its outputs. Without it the run ends here, and not with a pod that waits for a Secret of no name."""

    def found(value: Any) -> Any:
        if value is None:
            raise pulumi.RunError(
                f"{config.require('rhsiStack')} has no output {name}: bring that stack up first, with "
                "`rhsi:postgres.enabled: true`."
            )
        return value

    # Not `require_output`, whose error is the name alone.
    return rhsi.get_output(name).apply(found)


site, namespace, postgres = (output_of_rhsi(name) for name in ("site", "namespace", "postgres"))
# The empty kubeconfig means the one of whoever runs this; no machine's path is in the state.
cluster = Provider("cluster", kubeconfig="", context=config.require("context"))

host = pulumi.Output.format("{}.{}.svc", postgres["primary"], namespace)
environment: dict[str, pulumi.Input[str]] = {
    # On a standby this Service leads over the link, on a primary to its own server.
    "PGHOST": host,
    # Numbers in the outputs are floats.
    "PGPORT": postgres["port"].apply(lambda port: str(int(port))),
    "PGDATABASE": postgres["database"],
    "PGUSER": postgres["user"],
    "PGCONNECT_TIMEOUT": "10",
    "PGPASSFILE": f"{HOME}/.pgpass",
    "SITE": site,
}
user = config.get_int("runAsUser") or None
client = core.ContainerArgs(
    name="client",
    image=config.require("image"),
    command=["/bin/sh", "-c", (Path(__file__).parent / "client.sh").read_text()],
    env=[core.EnvVarArgs(name=name, value=value) for name, value in environment.items()],
    # A failed Job's last lines become the message that Pulumi shows.
    termination_message_policy="FallbackToLogsOnError",
    security_context=core.SecurityContextArgs(
        allow_privilege_escalation=False,
        capabilities=core.CapabilitiesArgs(drop=["ALL"]),
        read_only_root_filesystem=True,
    ),
    volume_mounts=[
        core.VolumeMountArgs(name="home", mount_path=HOME),
        core.VolumeMountArgs(name="password", mount_path=PASSWORD, read_only=True),
    ],
)
pod = core.PodSpecArgs(
    restart_policy="Never",
    automount_service_account_token=False,
    security_context=core.PodSecurityContextArgs(
        run_as_non_root=True,
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        run_as_user=user,
        # The group may read the Secret's file.
        fs_group=user,
    ),
    containers=[client],
    volumes=[
        core.VolumeArgs(name="home", empty_dir=core.EmptyDirVolumeSourceArgs(size_limit="1Mi")),
        core.VolumeArgs(
            name="password",
            secret=core.SecretVolumeSourceArgs(
                secret_name=postgres["secret"],
                default_mode=0o440,
                items=[core.KeyToPathArgs(key="password", path="password")],
            ),
        ),
    ],
)
job = batch.Job(
    NAME,
    # In rhsi's namespace: a pod reads Secrets of its own namespace only.
    metadata=ObjectMetaArgs(name=NAME, namespace=namespace),
    spec=batch.JobSpecArgs(backoff_limit=2, template=core.PodTemplateSpecArgs(spec=pod)),
    opts=pulumi.ResourceOptions(
        provider=cluster,
        # A Job's template cannot be changed; one of other outputs or settings takes its place.
        delete_before_replace=True,
        custom_timeouts=pulumi.CustomTimeouts(create="3m"),
    ),
)
# Known once the Job is done.
pulumi.export("used", pulumi.Output.all(job.id, host).apply(lambda known: str(known[1])))
