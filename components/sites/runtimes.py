"""In which image, as whom, where and for how long the pods of a site run."""

import dataclasses

from components import container_resources
from components.common_metadata import CommonMetadata
from components.container_resources import ContainerResources
from components.restricted_pod import PodShape
from components.script_job import Runtime
from components.settings import Settings
from components.settings.images import CLUSTER_REGISTRY
from components.settings.section import Resources


def common_metadata(settings: Settings) -> CommonMetadata:
    """Labels and annotations of everything."""
    return CommonMetadata(labels=settings.labels, annotations=settings.annotations)


def pod_shape(settings: Settings, *images: str) -> PodShape:
    """Where a pod runs, and what pulls its images: all of them, or none where others choose some.

    The account of a pod has the secret for OpenShift's own registry, and gives it only to pods that name none. So those
    name none of which each image is there; with another one, they need the user's secrets.
    """
    wanted = settings.pods
    of_the_cluster = bool(images) and all(image.startswith(f"{CLUSTER_REGISTRY}/") for image in images)
    return PodShape(
        image_pull_secrets=() if of_the_cluster else tuple(wanted.image_pull_secrets),
        node_selector=wanted.node_selector,
        tolerations=tuple(toleration.manifest for toleration in wanted.tolerations),
        priority_class=wanted.priority_class_name,
    )


def job_resources(settings: Settings) -> ContainerResources:
    """Of the containers of Jobs."""
    return container_resources.overlaid(container_resources.JOB, _given(settings.pods.resources))


def database_resources(settings: Settings, given: Resources) -> ContainerResources:
    """Of a database's containers: what its own settings give, complete where a quota is to be met."""
    own = _given(given)
    return container_resources.completed(own, container_resources.DATABASE) if settings.pods.complete_resources else own


def pooler_resources(settings: Settings) -> ContainerResources:
    """Of PgBouncer, which has no settings of its own for it: the operator's, or those that a quota wants."""
    return container_resources.POOLER if settings.pods.complete_resources else container_resources.NONE


def sidecar_resources(settings: Settings) -> ContainerResources:
    """Of the backups' container in the pods of a replicated database, likewise."""
    return container_resources.BACKUP if settings.pods.complete_resources else container_resources.NONE


def kubectl_runtime(settings: Settings) -> Runtime:
    """Of the scripts that talk to the API server."""
    return Runtime(
        image=settings.cli_image,
        user=settings.platform.cli_user,
        pull_secret="",
        shape=pod_shape(settings, settings.cli_image),
        resources=job_resources(settings),
        proxy=settings.pods.proxy.variables,
        seconds=settings.claim_seconds,
    )


def operator_runtime(settings: Settings) -> Runtime:
    """Of the waits for operators, which talk to the API server too."""
    return dataclasses.replace(kubectl_runtime(settings), seconds=settings.operator_seconds)


def postgres_runtime(settings: Settings) -> Runtime:
    """Of the test of the streaming database, in the image of its server."""
    return Runtime(
        image=settings.postgres_image,
        user=settings.postgres_user,
        pull_secret="",
        shape=pod_shape(settings, settings.postgres_image),
        resources=job_resources(settings),
        # PostgreSQL's protocol knows no proxy of this kind.
        proxy={},
        seconds=settings.smoke_test_seconds,
    )


def edb_runtime(settings: Settings) -> Runtime:
    """Of the test of the replicated databases, in the image of their instances."""
    return Runtime(
        image=settings.edb_image,
        user=settings.platform.cli_user,
        pull_secret=settings.edb.pull_secret,
        shape=pod_shape(settings, settings.edb_image),
        resources=job_resources(settings),
        # As above.
        proxy={},
        seconds=settings.smoke_test_seconds,
    )


def _given(resources: Resources) -> ContainerResources:
    return ContainerResources(requests=resources.requests, limits=resources.limits)
