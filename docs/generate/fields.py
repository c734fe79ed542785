"""What the docstrings of a class's fields say: the text below each field, which Python itself forgets."""

import ast
import inspect
import itertools
import textwrap
import typing


def docstrings(shape: type) -> dict[str, str]:
    """The docstring of each field of a class and of its bases, on one line."""
    found: dict[str, str] = {}
    for one in reversed(shape.__mro__[:-1]):
        if not one.__module__.startswith("components."):
            continue
        source = textwrap.dedent(inspect.getsource(one))
        body = typing.cast("ast.ClassDef", ast.parse(source).body[0]).body
        for field, text in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                found[ast.unparse(field.target)] = " ".join(ast.literal_eval(text.value).split())
    return found
