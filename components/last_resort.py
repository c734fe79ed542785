"""The last resort: an exception that nobody expected ends the run in one sentence, not in a traceback.

Owns what is told of a bug: which kind of exception it is and where it was raised. Its text is never told, with or
without RHSI_DEBUG, for it may hold a secret. The program's own errors, all of them `pulumi.RunError`, pass as they are.

Exceptions of Output.apply callbacks and of registrations never pass the program itself: the SDK keeps them in tasks of
the event loop, and the first one ends the run in the language host (pulumi:sdk/python/lib/pulumi/runtime/stack.py,
`wait_for_rpcs`; cmd/pulumi-language-python-exec). So the loop's task factory guards the tasks of the SDK and of the
program in the same way. Those of gRPC pass: it ends its own by exceptions that it waits for.
"""

import asyncio
import functools
import os
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import grpc
import pulumi

P = ParamSpec("P")
R = TypeVar("R")

DEBUG = "RHSI_DEBUG"
ROOT = Path(__file__).parents[1]
SDK = Path(pulumi.__file__).parent


class ProgramError(pulumi.RunError):
    """A bug of this program, or of a library under it, in a sentence that asks for a report."""


@contextmanager
def sentences() -> Iterator[None]:
    """Run the program in this, within a running event loop: it and all tasks that it starts raise RunErrors only.

    Raises:
        pulumi.RunError: instead of every exception.
    """
    asyncio.get_running_loop().set_task_factory(_task)
    try:
        yield
    except Exception as error:
        raise told(error) from None


def worded(callback: Callable[P, R]) -> Callable[P, R]:
    """A callback that raises RunErrors only: for hooks of resources, whose exceptions the engine gets as they are."""

    @functools.wraps(callback)
    def call(*args: P.args, **options: P.kwargs) -> Any:
        try:
            found = callback(*args, **options)
        except Exception as error:
            raise told(error) from None
        # An asynchronous one fails only where it is awaited.
        return _guarded(found) if isinstance(found, Coroutine) else found

    return call


def told(error: Exception) -> pulumi.RunError:
    """An exception as the user reads it; the program's own errors are what they were."""
    if isinstance(error, pulumi.RunError):
        return error
    if isinstance(error.__context__, grpc.RpcError) or str(error).startswith("invoke of "):
        # The SDK turns the answer to a request into an exception; the words are the engine's, or the provider's whose
        # function was called (pulumi/runtime/invoke.py).
        return pulumi.RunError(str(error))
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("components"):
        return pulumi.RunError(f"The Python package {error.name} is missing: run `pulumi install` first.")
    action = "preview" if pulumi.runtime.is_dry_run() else "up"
    sentence = (
        f"This program has a bug: {type(error).__name__} in {_place(error)}, during `pulumi {action}` of stack "
        f"{pulumi.get_stack()}. Please report this sentence together with the output of `pulumi about`."
    )
    if os.environ.get(DEBUG):
        return ProgramError(f"{sentence}\n{_frames(error)}")
    return ProgramError(f"{sentence} With {DEBUG}=true in the environment, the traceback follows it.")


def _place(error: Exception) -> str:
    """The innermost line of the program's own files that led to the exception."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(ROOT / "components") and file != Path(__file__):
            return f"{file.relative_to(ROOT)}, line {frame.lineno} ({frame.name})"
    return "the libraries under it"


def _frames(error: BaseException) -> str:
    """The traceback with the causes, last one first, and without the texts of the exceptions."""
    found = []
    one: BaseException | None = error
    while one:
        found.append(f"{type(one).__qualname__}:\n{''.join(traceback.format_tb(one.__traceback__))}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n".join(found)


def _task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    code = getattr(work, "cr_code", None)
    ours = code and any(Path(code.co_filename).is_relative_to(folder) for folder in (ROOT / "components", SDK))
    return asyncio.Task(_guarded(work) if ours else work, loop=loop, **options)


async def _guarded(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except Exception as error:
        raise told(error) from None
