"""What differs between OpenShift and other clusters: images and users.

Owns the values; settings choose the platform and may name other images. The way into a Skupper site differs too, but
there Skupper itself takes what the cluster has: its `default` access is a Route on OpenShift.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Platform:
    """One kind of cluster.

    Attributes:
        cli_image: an image with sh and kubectl or oc.
        cli_user: UID of what runs in that image, and in that of the replicated databases; 0 for "as the cluster
            assigns", which OpenShift does. Elsewhere the images' own user is often root, which a restricted pod may
            not be.
        postgres_image: an image with sh and PostgreSQL 16 in PATH.
        postgres_user: UID of its postgres user, 0 likewise; elsewhere it must be one that the image has a name for.
    """

    cli_image: str
    cli_user: int
    postgres_image: str
    postgres_user: int


PLATFORMS = {
    "openshift": Platform(
        # Comes from the cluster's own release, also without Internet.
        cli_image="image-registry.openshift-image-registry.svc:5000/openshift/cli:latest",
        cli_user=0,
        # Made for arbitrary users.
        postgres_image="quay.io/sclorg/postgresql-16-c9s:c9s",
        postgres_user=0,
    ),
    "kubernetes": Platform(
        cli_image="docker.io/alpine/k8s:1.34.1",
        cli_user=65532,
        postgres_image="docker.io/library/postgres:16-bookworm",
        postgres_user=999,
    ),
}
