"""The command `review`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ops.engine import EngineError
from ops.project import ProjectError, chosen
from ops.review import report
from ops.review.comment import comment
from ops.review.preview import Preview, PreviewError, read
from ops.review.running import previews

TITLE = "`pulumi preview`"
REFRESHED = "`pulumi preview --refresh`"


class WriteError(Exception):
    """The comment cannot be written, in one sentence."""


def review(
    stack: Annotated[
        list[str] | None,
        typer.Option("--stack", "-s", help="Preview this stack; repeatable. Without it, every Pulumi.<stack>.yaml."),
    ] = None,
    *,
    recorded: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="STACK=FILE", help="Read what `pulumi preview --json` wrote; repeatable."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Compare with clusters and Vault first.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the comment into this file instead of printing it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="End with exit code 1 where something would change.")
    ] = False,
    title: Annotated[str, typer.Option(help="Of the comment.")] = "",
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="The project folder.")] = Path(),
) -> None:
    """Review what `pulumi up` would do to the stacks: one comment in Markdown, without secrets.

    Runs `pulumi preview --json` of all stacks side by side, or reads recorded ones. Changes nothing.

    Exit codes: 0 done, whatever would change; 1 something would change and `--expect-no-changes` is given; 2 a preview
    failed, a file cannot be read or written, or a mistake on the command line.
    """
    try:
        reviews = _reviews(cwd, stack or [], recorded or [], refresh=refresh)
        text = comment(reviews, title=title or (REFRESHED if refresh else TITLE))
        if output:
            _write(output, text)
    except (EngineError, PreviewError, ProjectError, WriteError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(report.FAILED) from error
    if as_json:
        typer.echo(json.dumps(report.as_json(reviews, expect_no_changes=expect_no_changes), indent=2))
    elif not output:
        typer.echo(text, nl=False)
    raise typer.Exit(report.exit_code(reviews, expect_no_changes=expect_no_changes))


def _reviews(project: Path, stacks: list[str], recorded: list[str], *, refresh: bool) -> list[report.StackReview]:
    reviews = [report.of_stack(name, preview) for name, preview in _read(recorded)]
    # Recorded previews take the place of all stacks of the folder, and stand beside those that are named.
    wanted = chosen(project, stacks) if stacks or not recorded else []
    for run in previews(project, wanted, refresh=refresh):
        reviewed = report.of_stack(run.stack, run.preview, code=run.code, stderr=run.stderr)
        reviews.append(reviewed)
        if reviewed.failure:
            # For the log of a CI, where the comment may be in a file.
            typer.echo(f"{run.stack}: {reviewed.failure}", err=True)
    return reviews


def _read(recorded: list[str]) -> list[tuple[str, Preview]]:
    found = []
    for one in recorded:
        name, equals, file = one.partition("=")
        if not (name and equals and file):
            raise typer.BadParameter(f"{one!r} is not STACK=FILE.", param_hint="--from")
        try:
            found.append((name, read(Path(file).read_text(encoding="utf-8", errors="replace"))))
        except OSError as error:
            raise PreviewError(f"{file} cannot be read ({error.strerror}).") from error
        except PreviewError as error:
            raise PreviewError(f"{file}: {error}") from error
    return found


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WriteError(f"{file} cannot be written ({error.strerror}).") from error
