"""The house rules for SQL, documents and locks, each a function from a source to its findings.

Prose is checked for what a reader can trip over: a link that leads nowhere, a path that exists on
one machine only, a decision that does not say what enforces it.
"""

import re
from collections.abc import Iterator

from tidy import ROOT, Finding, Source

DECISION_HEADINGS = ("Context", "Decision", "Consequences", "Enforced by")
CONTEXT_SENTENCES_MAX = 4
DECISION_SENTENCES_MAX = 2

COMMENT = re.compile(r"--\s*\S+(?:\s+\S+)+")
STAR = re.compile(r"\b(?:select|returning)\s+(?:distinct\s+)?(?:\w+\.)?\*", re.IGNORECASE)
SQL_CLOCK = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|random"
    r"|gen_random_uuid|uuidv4|uuidv7)\s*\(|\bcurrent_(?:timestamp|date|time)\b",
    re.IGNORECASE,
)
CODE_SPAN = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)")
ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|//")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
SECTION = re.compile(r"^## +(.*)$", re.MULTILINE)
SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|Users|tmp|mnt|media)/\w|\b[A-Z]:\\")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|docker\.io|ghcr\.io|quay\.io|extra-index"
    r"|index[-_]url",
    re.IGNORECASE,
)


def unexplained_queries(source: Source) -> Iterator[Finding]:
    """Find named queries without a line of why under their name, and files without a first one."""
    lines = source.text.splitlines()
    if not lines or not COMMENT.match(lines[0]):
        yield Finding(1, "open the file with a comment: what these statements are for")
    for number, (line, after) in enumerate(zip(lines, [*lines[1:], ""], strict=True), start=1):
        if line.startswith("-- name:") and not COMMENT.match(after):
            yield Finding(number + 1, "under the name of a query, one line of comment says why")


def stars(source: Source) -> Iterator[Finding]:
    """Find columns asked for by a star."""
    for line, text in source.lines():
        if STAR.search(text.partition("--")[0]):
            yield Finding(line, "name the columns: a star changes its meaning with the table")


def sql_clocks(source: Source) -> Iterator[Finding]:
    """Find statements that read a clock or a random source."""
    for line, text in source.lines():
        if found := SQL_CLOCK.search(text.partition("--")[0]):
            yield Finding(line, f"{found[0].strip('( ')}: take the instant or the id as argument")


def prose(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines outside code blocks, without their code spans."""
    is_code = False
    for line, text in source.lines():
        is_fence = text.lstrip().startswith("```")
        is_code ^= is_fence
        if not (is_code or is_fence):
            yield line, CODE_SPAN.sub("", text)


def dead_links(source: Source) -> Iterator[Finding]:
    """Find relative links to a file or a heading that does not exist."""
    for line, text in prose(source):
        for found in LINK.finditer(text):
            target = found[1] or found[2]
            if not ELSEWHERE.match(target) and not leads_somewhere(source, target):
                yield Finding(line, f"{target} leads nowhere: mend the link or write the page")


def leads_somewhere(source: Source, target: str) -> bool:
    """Tell whether a relative link of a document has its file and its heading."""
    name, _, anchor = target.partition("#")
    file = (ROOT / source.path.parent / name) if name else (ROOT / source.path)
    if not file.exists():
        return False
    if not anchor or file.suffix != ".md":
        return True
    return anchor in {slug(found[1]) for found in HEADING.finditer(file.read_text("utf-8"))}


def slug(heading: str) -> str:
    """Spell a heading the way that hosts of Markdown spell its anchor."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def machine_paths(source: Source) -> Iterator[Finding]:
    """Find paths that exist on one machine only."""
    for line, text in source.lines():
        if found := MACHINE_PATH.search(text):
            yield Finding(line, f"{found[0]}… is one machine's path: write it from the root")


def registries(source: Source) -> Iterator[Finding]:
    """Find hosts of package registries: which one is used is the reader's affair."""
    for line, text in source.lines():
        if found := REGISTRY.search(text):
            yield Finding(line, f"{found[0]}: name the package; pip and uv know their registry")


def unhashed_locks(source: Source) -> Iterator[Finding]:
    """Find pinned requirements without a hash, and any address."""
    for line, text in source.lines():
        if "://" in text:
            yield Finding(line, "a lock names no address: write it anew with make lock")
        elif re.match(r"[\w.-]+(?:\[[\w,-]+\])?==", text) and not text.endswith("\\"):
            yield Finding(line, "a requirement without a hash: write it anew with make lock")


def misshapen_decisions(source: Source) -> Iterator[Finding]:
    """Find decision pages without the four headings, or longer than their form."""
    headings = tuple(SECTION.findall(source.text))
    if headings != DECISION_HEADINGS:
        yield Finding(1, f"the headings are, in this order: {', '.join(DECISION_HEADINGS)}")
        return
    limits = (CONTEXT_SENTENCES_MAX, DECISION_SENTENCES_MAX)
    sections = SECTION.split(source.text)[2::2]
    for heading, section, limit in zip(headings[:2], sections[:2], limits, strict=True):
        count = len(SENTENCE_END.findall(section))
        if not 0 < count <= limit:
            yield Finding(1, f"{heading} has {count} sentences, at most {limit}: say less")
