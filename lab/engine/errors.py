"""The exceptions that end a command, and the exit code that each one means.

Source of the codes: pulumi:pkg/cmd/pulumi/cmd/exit_codes.go and pkg/backend/backenderr/backenderr.go.
"""


class EngineError(Exception):
    """One message for the person at the terminal; the command ends with `exit_code`."""

    exit_code = 1


class UsageError(EngineError):
    """The arguments cannot be understood."""

    exit_code = 2


class StackNotFoundError(EngineError):
    """The stack does not exist in the backend."""

    exit_code = 6

    def __init__(self, stack: str) -> None:
        super().__init__(f"no stack named '{stack}' found")


class NoChangesExpectedError(EngineError):
    """`--expect-no-changes` met a change."""

    exit_code = 7

    def __init__(self, operation: str) -> None:
        super().__init__(f"no changes were expected for {operation} but changes were proposed")


class AlreadyReportedError(EngineError):
    """The run failed and everything about it has been printed."""
