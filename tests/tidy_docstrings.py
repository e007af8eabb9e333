"""The house rule for docstrings: what a function raises itself, its callers are told of."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tidy import Finding, Source, sources

CODE = "src/**/*.py"
# Their docstrings are shown to people as help: a refusal tells its own sentence there.
SHOWN_AS_HELP = frozenset({"command", "callback", "takes"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def unnamed_exceptions(source: Source) -> Iterator[Finding]:
    """Find exceptions that a public function raises in its own body, and does not name.

    A base may be named instead, and a class may name what its methods raise.
    """
    for function, documented in public_functions(source.tree().body):
        for line, name in raised(function):
            if not any(re.search(rf":raises (?:\w+\.)?{each}:", documented) for each in kin(name)):
                remedy = f"{function.name} raises {name}: add `:raises {name}: when …`, or its base"
                yield Finding(line, remedy)


def public_functions(body: list[ast.stmt], documented: str = "") -> Iterator[tuple[_Function, str]]:
    """Yield functions that anybody may call, with what they and their classes say."""
    for node in body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from public_functions(node.body, ast.get_docstring(node) or "")
            case ast.FunctionDef() | ast.AsyncFunctionDef() if is_public(node):
                yield node, f"{documented} {ast.get_docstring(node)}"
            case _:
                pass


def is_public(function: _Function) -> bool:
    """Tell whether somebody else calls it, and reads its docstring in the code."""
    is_help = not SHOWN_AS_HELP.isdisjoint(map(last_name, function.decorator_list))
    is_private = function.name.startswith("_") and not function.name.endswith("__")
    return not is_help and not is_private


def raised(function: _Function) -> Iterator[tuple[int, str]]:
    """Yield the classes that a function raises, those inside its inner functions left out."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Function | ast.Lambda | ast.ClassDef):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Raise) and node.exc is not None:
            for name in map(last_name, thrown(node.exc)):
                if name[:1].isupper():  # in lower case it is one that was caught or made before
                    yield node.lineno, name


def thrown(exception: ast.expr) -> tuple[ast.expr, ...]:
    """Return what may be raised: `raise A if x else B` raises one of two."""
    is_either = isinstance(exception, ast.IfExp)
    return (exception.body, exception.orelse) if is_either else (exception,)


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name, or of what is called by one."""
    named = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(named).rpartition(".")[2]


def kin(name: str) -> set[str]:
    """Return an exception's name and those of its bases in the package."""
    found, waiting = {name}, [name]
    while waiting:
        more = bases().get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return found


@cache
def bases() -> dict[str, set[str]]:
    """Return the names of the bases of every class of the package."""
    found: dict[str, set[str]] = {}
    for source in sources(CODE):
        for node in ast.walk(source.tree()):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(map(last_name, node.bases))
    return found
