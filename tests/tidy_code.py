"""The house rules for code that no linter knows, each a function from a source to its findings.

Every limit and exemption is data at the top, with its reason. Rules read syntax trees, not text,
wherever a comment or a word in prose could fool them.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

from tidy import PACKAGE, Finding, Source, sources

CODE = "src/**/*.py"

LINES_MAX = 400
DOMAIN_LINES_MAX = 250
FUNCTION_LINES_MAX = 50
TEST_LINES_MAX = 20
POSITIONAL_MAX = 4
PARAMETERS_MAX = 6

VAGUE = re.compile(
    r"_*(?:base|common|core|helpers?|managers?|misc|models?|services?|types|utils?)", re.IGNORECASE
)
# Left of the colon what docs/glossary.md refuses, right of it the word to use.
REFUSED_WORDS = {
    "allocation": "grant",
    "billing_cycle": "period",
    "bucket": "lot",
    "bundle": "pack",
    "burn": "draw",
    "deduct": "draw or capture",
    "permission": "entitlement",
    "reservation": "hold",
    "reserve": "hold",
    "tariff": "rate card",
    "tenant": "workspace",
}
# Adapters speak the language of what they adapt: an object store has buckets.
FOREIGN_TONGUES = ("providers", "payments", "mail", "assets", "documents", "simulators")
ABBREVIATIONS = re.compile(
    r"(?:^|_)(acct|amt|cfg|conn|ctx|idx|mgr|msg|qty|req|resp|txn|usr)(?:_|$)"
)
# What differs from run to run comes in by argument; these alone read it, each for its reason.
READS_THE_OUTSIDE = (
    "bootstrap",  # hands out the clock, the ids and the seeds
    "settings",  # reads the environment
    "ledger.py",  # an embedder's clock, unless one is given
    "cli",  # a person at a terminal is "now"
    "storage/embedded.py",  # makes the database's password and its child's environment
    "storage/binaries.py",  # looks for programs on the search path
)
# Measuring a span (time.monotonic, time.perf_counter) is no instant and stays free.
OUTSIDE = (
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "numpy.random",
    "os.environ",
    "os.getenv",
    "os.urandom",
    "random",
    "secrets",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
)
# Fine with a seed, and as the type of what was made with one.
SEEDED = re.compile(
    r"random\.Random|numpy\.random\.(?:default_rng|Generator|PCG64|Philox|SeedSequence)"
)
# The worker's loop records what it catches; nothing else may catch everything.
CATCHES_EVERYTHING: frozenset[str] = frozenset({"worker/steps.py"})  # its loops record it
STATUS_NUMBERS = (
    "web/errors.py",
    "providers",  # these three read them
    "payments",
    "sdk",
    "simulators",  # they speak as providers do
)

LEFTOVERS = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|\bbreak" + r"point\(")


def within(path: PurePosixPath, places: tuple[str, ...]) -> bool:
    """Tell whether a path of the package is one of the places, or stands under one."""
    inner = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path
    return any(inner.with_suffix("") == PurePosixPath(p).with_suffix("") for p in places) or any(
        PurePosixPath(p) in inner.parents for p in places
    )


def long_files(source: Source) -> Iterator[Finding]:
    """Find files beyond their limit."""
    is_domain = within(source.path, ("domain",))
    limit = DOMAIN_LINES_MAX if is_domain else LINES_MAX
    count = source.text.count("\n")
    if count > limit:
        yield Finding(limit + 1, f"{count} lines, at most {limit}: split it by the noun it owns")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method, the inner ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def long_functions(source: Source) -> Iterator[Finding]:
    """Find functions beyond their limit, docstring included."""
    for function in functions(source.tree()):
        is_test = source.path.parts[0] == "tests" and function.name.startswith("test_")
        limit = TEST_LINES_MAX if is_test else FUNCTION_LINES_MAX
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > limit:
            remedy = "name its parts and let them return what they compute"
            yield Finding(
                function.lineno, f"{function.name} has {count} lines, at most {limit}: {remedy}"
            )


def many_parameters(source: Source) -> Iterator[Finding]:
    """Find functions that take too much; what they are methods of does not count."""
    for function in functions(source.tree()):
        given = function.args
        positional = [name.arg for name in (*given.posonlyargs, *given.args)]
        if positional[:1] in (["self"], ["cls"]):
            del positional[0]
        total = len(positional) + len(given.kwonlyargs)
        if len(positional) > POSITIONAL_MAX:
            remedy = f"{function.name} has {len(positional)} positional parameters: use keywords"
            yield Finding(function.lineno, remedy)
        if total > PARAMETERS_MAX:
            remedy = f"{function.name} has {total} parameters: give their group a value and a name"
            yield Finding(function.lineno, remedy)


def vague_names(source: Source) -> Iterator[Finding]:
    """Find modules and folders whose name names nothing."""
    folder = source.path.relative_to(PACKAGE).parent.parts
    for name in (*folder, source.path.stem):
        if VAGUE.fullmatch(name):
            yield Finding(1, f"{name} says nothing: a module is named after the noun in it")


def full_packages(source: Source) -> Iterator[Finding]:
    """Find packages that hold more than their docstring; the root is another rule's."""
    if source.path.name != "__init__.py" or source.path.parent == PACKAGE:
        return
    for node in source.tree().body:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield Finding(node.lineno, "a package's __init__.py is its docstring: move this out")


def imports_through_the_face(source: Source) -> Iterator[Finding]:
    """Find imports that go through the root's lazy names, or that the root would do eagerly."""
    is_face = source.path == PACKAGE / "__init__.py"
    for node in source.tree().body if is_face else ast.walk(source.tree()):
        if any(not_its_owner(path) or is_face for path in package_imports(node)):
            remedy = "import lazily here" if is_face else "import the owner of the name by its path"
            yield Finding(getattr(node, "lineno", 1), remedy)


def package_imports(node: ast.AST) -> Iterator[str]:
    """Yield the paths of our own package that a statement imports."""
    match node:
        case ast.ImportFrom(level=0, module=str(module), names=names):
            paths = [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom():
            paths = ["mutoscope"]
        case ast.Import(names=names):
            paths = [alias.name for alias in names]
        case _:
            paths = []
    yield from (path for path in paths if path.split(".")[0] == "mutoscope")


def module_of(source: Source) -> str:
    """Return the name of a module of the package."""
    return ".".join(source.path.relative_to("src").with_suffix("").parts)


def knows(source: Source) -> frozenset[str]:
    """Return what a module imports of the package, also what it needs for types alone.

    Of a name in a module both paths are there: the name's, which may be a module, and its owner's.
    """
    paths = [path for node in ast.walk(source.tree()) for path in package_imports(node)]
    return frozenset([*paths, *(path.rpartition(".")[0] for path in paths)])


def not_its_owner(path: str) -> bool:
    """Tell whether a path leads through the root instead of a module."""
    parts = path.split(".")
    return len(parts) == 1 or (len(parts) == 2 and parts[1] not in top_modules())


@cache
def top_modules() -> frozenset[str]:
    """Return the names of what stands directly in the package."""
    tops = {PurePosixPath(s.path.relative_to(PACKAGE).parts[0]).stem for s in sources(CODE)}
    return frozenset(tops - {"__init__"})


def bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the names that we chose ourselves; those of libraries are only used."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case _:
                pass


def snake(name: str) -> str:
    """Spell an identifier as words joined by underscores."""
    return "_".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)).lower()


def refused_words(source: Source) -> Iterator[Finding]:
    """Find names, and words of SQL, that the glossary refuses."""
    if within(source.path, FOREIGN_TONGUES):
        return
    is_python = source.path.suffix == ".py"
    for line, name in bound_names(source.tree()) if is_python else source.lines():
        spoken = snake(name)
        for word, instead in REFUSED_WORDS.items():
            if re.search(rf"(?:^|_){word}(?:s|d|t|ed|ing|ion|ions)?(?:_|$)", spoken):
                yield Finding(line, f"{name.strip()!r} says {word}: the word is {instead}")


def abbreviations(source: Source) -> Iterator[Finding]:
    """Find names that are no full words."""
    for line, name in bound_names(source.tree()):
        if found := ABBREVIATIONS.search(snake(name)):
            yield Finding(line, f"{name!r} abbreviates: write the full word for {found[1]}")


def leftovers(source: Source) -> Iterator[Finding]:
    """Find marks of unfinished work."""
    for line, text in source.lines():
        if found := LEFTOVERS.search(text):
            yield Finding(line, f"{found[0]} was left behind: do it, or open an issue")


def prints(source: Source) -> Iterator[Finding]:
    """Find output that bypasses the log."""
    if within(source.path, ("cli",)):
        return
    for node in ast.walk(source.tree()):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield Finding(node.lineno, "only the command line prints: log an event or return")
            case _:
                pass


def catches_everything(source: Source) -> Iterator[Finding]:
    """Find handlers that would also catch a bug; those that raise again are fine."""
    if within(source.path, tuple(CATCHES_EVERYTHING)):
        return
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.ExceptHandler) and not reraises(node):
            kinds = ast.unparse(node.type) if node.type else "BaseException"
            if re.search(r"\b(?:Base)?Exception\b", kinds):
                yield Finding(node.lineno, "name the errors you can answer; let the others pass")


def reraises(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler ends by raising what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Map the local name of each import to its full path."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Spell what an expression names, as its full path from its import, or nothing."""
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else ""
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def reads_the_outside(source: Source) -> Iterator[Finding]:
    """Find readings of a clock, a random source or the environment."""
    if within(source.path, READS_THE_OUTSIDE):
        return
    tree = source.tree()
    names = imported_names(tree)
    nodes = list(ast.walk(tree))
    bare = {id(n.func) for n in nodes if isinstance(n, ast.Call) and not (n.args or n.keywords)}
    owners = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if not isinstance(node, ast.Name | ast.Attribute) or id(node) in owners:
            continue
        path = dotted(node, names)
        is_outside = any(path == place or path.startswith(f"{place}.") for place in OUTSIDE)
        if is_outside and (id(node) in bare or not SEEDED.fullmatch(path)):
            yield Finding(node.lineno, f"{path}: take the instant, id, seed or setting as argument")


def status_numbers(source: Source) -> Iterator[Finding]:
    """Find refusals that know their HTTP status."""
    if within(source.path, STATUS_NUMBERS):
        return
    for line, text in source.lines():
        if re.search(r"status\w*\s*(?:=|==|!=|>=|<|:)\s*[45]\d\d\b|\bHTTP_[45]\d\d_", text):
            yield Finding(line, "raise a refusal; web/errors.py alone knows which status it has")


def numbered_names(source: Source) -> Iterator[Finding]:
    """Find things of a test that are told apart by a number."""
    things = "draw|entry|grant|hold|job|lot|pack|period|plan|posting|rate|wallet|workspace"
    for line, name in bound_names(source.tree()):
        if re.fullmatch(rf"(?:{things})_?\d+", name):
            yield Finding(line, f"{name!r}: say what sets it apart (lapsing, purchased, elder)")


def mocks(source: Source) -> Iterator[Finding]:
    """Find imports of mocks."""
    for line, text in source.lines():
        if re.match(
            r"\s*(?:from|import)\s+(?:unittest\.)?mock\b|\s*from unittest import mock", text
        ):
            yield Finding(
                line, "no mocks: use the real database and the providers' loopback server"
            )
