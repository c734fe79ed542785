"""In which image, as whom and for how long the scripts of a site run."""

import dataclasses

from components.script_job import Runtime
from components.settings import Settings


def kubectl_runtime(settings: Settings) -> Runtime:
    """Of the scripts that talk to the API server."""
    return Runtime(
        image=settings.cli_image, user=settings.platform.cli_user, pull_secret="", seconds=settings.claim_seconds
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
        seconds=settings.smoke_test_seconds,
    )


def edb_runtime(settings: Settings) -> Runtime:
    """Of the test of the replicated databases, in the image of their instances."""
    return Runtime(
        image=settings.edb.postgres_image,
        user=settings.platform.cli_user,
        pull_secret=settings.edb.pull_secret,
        seconds=settings.smoke_test_seconds,
    )
