"""Completion of `python -m lab` in bash and zsh: a function for `python`, which leaves every other module alone."""

import typer

VARIABLE = "_RHSI_LAB_COMPLETE"
"""In whose presence the command line answers a shell instead of running a command."""

SCRIPT = f"""
if [ -n "$ZSH_VERSION" ]; then autoload -U +X compinit && compinit -u; autoload -U +X bashcompinit && bashcompinit; fi
_rhsi_lab() {{
  if [ "${{COMP_WORDS[1]}}" = -m ] && [ "${{COMP_WORDS[2]}}" = lab ] && [ "$COMP_CWORD" -gt 2 ]; then
    local IFS=$'\\n'
    COMPREPLY=($(env COMP_WORDS="lab ${{COMP_WORDS[*]:3}}" COMP_CWORD=$((COMP_CWORD - 2)) {VARIABLE}=complete_bash \\
      "${{COMP_WORDS[0]}}" -m lab))
  fi
}}
complete -o default -o bashdefault -F _rhsi_lab python python3
"""


def prepare() -> None:
    """Make the command line able to answer bash: typer does so by itself only with its own options for completion."""
    # It has no public name.
    from typer._completion_classes import completion_init

    completion_init()


def completion() -> None:
    """Print what completes these commands in bash and zsh: `eval "$(.venv/bin/python -m lab completion)"`."""
    typer.echo(SCRIPT.strip())
