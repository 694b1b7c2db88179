"""Documentation, help, messages and comments use plain technical English (docs/glossary.md).

Names of functions and classes are read as sentences too.
"""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = {
    "docs": ("*.md", "docs/*.md", "reports/*.md", "examples/*"),
    "smsbench": ("smsbench/**/*",),
    "analysis": ("analysis/**/*",),
    "loadtests": ("loadtests/**/*",),
    "mock_provider": ("mock_provider/**/*",),
    "reference_sender": ("reference_sender/**/*",),
    "page_parts": ("page_parts/**/*",),
    "user_input": ("user_input/**/*",),
    "arrow_columns": ("arrow_columns/**/*",),
    "benchmarks": ("benchmarks/**/*", ".ci/*", "Makefile"),
    "settings": ("pyproject.toml", ".github/**/*", ".pre-commit-config.yaml", ".editorconfig"),
    "tests": ("tests/**/*.py", "tests/**/*.js"),
}
KINDS = {".md", ".py", ".js", ".j2", ".html", ".sql", ".toml", ".yaml", ".yml", ""}

_UNIT = (
    "(?:message|arrival|part|protocol|provider|kind|scenario|worker|class|level|carrier|trial|chunk|request"
    "|number|file|room|country|key|session|prefix|beginning|calling code|sender|segment|account|reply|report"
    "|line|run)"
)
_THING = (
    "(?:row|line|entry|client|module|translation|class|callback|table|lookup|result"
    "|expression|locustfile|room|timer|task)"
)
_EARLIER = (
    "commit|submit|test|sample|second|window|step|code|start|attempt|call|run|report|row|line|day|one|time"
)
_NEXT = r"the|an?|it|its|this|that|these|they|each|any|one|no|all|some|another|their|when|\w+ing|\d+"
_SUBJECT = "the|an?|its|one|each"
# What we do not write, and what we write instead.
BANNED = {
    r"\bof before\b": "earlier, the previous ...",
    r"\b(?:is|are) no more\b": "no longer exists",
    r"\b(?:is|are) no (?!longer\b|such\b)\w+ (?:that|which)\b": "is not a ... that",
    r"\b(?!there\b)\w+ is (?-i:none)\b(?! of)": "is not a ...",
    r"\bst(?:ands?|ood|anding) (?:in )?for\b": "represents, is equivalent to, means",
    r"\bst(?:ands?|ood) (?:in|on|beside|at|there|as|above|below|first|under|out)\b": "is in, is next to",
    r"\blets? (?:it )?happen\b": "allow",
    r"\bso (?:many|much|long)\b(?! as\b| that\b)": "that many, as long: name the number",
    rf"\b(?:one|{_THING})s? an? {_UNIT}\b": "one ... per ...",
    rf"\bonce an? (?:{_UNIT}|batch|commit|window|sample|step)\b(?! (?:has|is|was|ends)\b)": "once per ...",
    r"\b(?:messages|segments|requests|recipients|submits|OTPs|SMS|times|twice) a second\b": "per second",
    r"\b(?:segments|characters|requests|octet|septet) an? (?:message|octet|segment)\b": "per message",
    r"\bsimulated (?:SMS )?provider\b|\brequest slots?\b": "mock provider; in-flight limit",
    r"\bgo(?:es|ing)? on\b|\bwent on\b": "continues",
    r"\bliv(?:e|es|ed) (?:it|the|an?|whole|through)\b": "simulate",
    r"\b(?:is|are|be|days?|been|will) lived\b": "simulated",
    r"\bwho(?:so)?ever\b": "anyone who, the program that",
    r"\b(?:nobody's|somebody's|somebody)\b": "unassigned, a real person's, ...",
    r"\bsaid of\b": "describes",
    r"\bfor good\b": "finally, permanently",
    r"\bhangs? on\b(?! (?:up|to)\b)": "depends on",
    r"\bof one's own\b|\bone's own\b": "your own, its own",
    r"\bof (?:its|their|his) own accord\b": "by itself",
    r"\bh(?:olds?|eld) (?:it|them|both|the \w+|all of it) to\b": "tests ... against",
    r"\b(?:is|are) held to\b|, held to\b": "is tested against",
    r"\bholds? for good\b": "stays valid",
    r"\banew\b|\blikewise\b": "again; in the same way",
    r"\bin words\b|\bthe words? of\b": "as text",
    r"\bpeople who look\b|\bnobody looks\b": "who reads it",
    r"\b(?:is|are|was|were) told\b|\btold so\b|\btold apart\b": "gets, is distinguished, ...",
    r"\bunless told otherwise\b": "by default",
    r"\bfor want of\b": "for lack of",
    r"\bturn(?:s|ed)? (?:away|loose)\b": "refuse; release",
    r"\bmind the\b": "consider the",
    r"\bwhich is to say\b|\bthat is to say\b": "that is",
    r"\bmust needs\b|\blest\b|\bsave for\b|\baught\b|\bwhence\b|\bthence\b|\bthereof\b": "plain words",
    r"\bin heaps\b|\blet go\b": "in chunks; released",
    r"\bunforeseen\b": "unexpected",
    r"\bthe more so\b|\ball the same\b": "anyway; state the reason",
    r"\blaborator(?:y|ies)\b": "name the feature",
    r"\bslip of the pen\b": "typing error",
    r"\bwants? to be\b|\bthe search wants\b|\bthe core wants\b": "needs, must",
    r"\bcome to nothing\b|\bcame to nothing\b": "fail",
    r"\bstrangers?\b": "unknown messages",
    r"\bculprits?\b": "bottleneck",
    r"\bfates?\b": "outcome",
    r"\bstaged\b": "injected (a fault), caused",
    r"\bunderneath\b": "at the same time",
    r"\b(?:asks?|asked) to be\b|\bgives? way\b|\bgave way\b": "requests; is the bottleneck",
    r"\b(?:of|by) ours\b|\bour own\b": "of this repository, of smsbench",
    r"\bbut for\b": "except",
    r"\bin vain\b": "for a message that was not delivered, without effect",
    r"\blook-ups?\b": "lookup",
    r"\b(?:is|are) no chance\b|\band no chance\b": "is not due to chance",
    r"\bnext to (?:no|nothing)\b|\bthis very\b": "almost no; this",
    r"\bstruck\b|\bstrikes?\b": "takes effect",
    r"\bchores?\b": "background task, work",
    r"\bspoil(?:s|ed|ing)?\b": "invalid, corrupted",
    r"\bbrought\b|\bbrings?\b": "sends, submits, has",
    r"\b(?:comes?|came|coming) to\b": "reaches; the result of",
    r"\bfor ever\b|\bthe begin\b|\bhence\b|\bnone of both\b": "without end; the beginning; so; neither",
    r"\b(?:an|one|each|two|several) advices?\b(?! texts?\b)|\badvices\b": "advice (it is not counted)",
    rf"\bthe (?:{_EARLIER}) before\b(?! (?:{_NEXT})\b| `)": "the previous ...",
    rf"(?:[,;:.] |\band )so (?:is|are|does|has|have|was) (?:{_SUBJECT})\b": "the same applies to",
    r"(?-i:\b[A-Z]{2,}[SD] AN? (?!DAY)[A-Z]+\b)": "..._PER_...",
}
GLOSSARY = ROOT / "docs" / "glossary.md"


def glossary_terms(text: str) -> dict[str, str]:
    """Phrases of several words in the last column of the glossary, as patterns, and their terms.

    A single word of that column has other meanings too. "the mock" is the beginning of "the mock provider".
    """
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    return {
        rf"\b{phrase}s?\b(?! (?:SMS )?provider)": f"the term of the glossary: {term}"
        for term, unwanted in rows
        for phrase in re.findall(r"`([a-z]+(?: [a-z]+)+)`", unwanted)
    }


_PATTERNS = [
    (re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), better) for pattern, better in BANNED.items()
]
_TERMS = [
    (re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), better)
    for pattern, better in glossary_terms(GLOSSARY.read_text(encoding="utf-8")).items()
]
_NAMES_OLD_TERMS = {"CHANGELOG.md", "glossary.md"}
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`[^`\n]*`|\]\([^)\s]*\)")


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of what a reader reads. Code is left out."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = _FENCE.sub(lambda found: "\n" * found.group().count("\n"), text)
        yield 1, _SPAN.sub(lambda found: "`code`", text)
    elif path.suffix == ".py":
        yield from _comments_and_strings(text)
    else:
        yield 1, text


def _comments_and_strings(source: str) -> Iterator[tuple[int, str]]:
    """Strings, names that are defined, constants, and comments; comments on successive lines are one text."""
    strings = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    first_line, lines, before = 0, list[str](), ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in strings:
            yield token.start[0], token.string
        elif token.type == tokenize.COMMENT:
            if lines and token.start[0] != first_line + len(lines):
                yield first_line, "\n".join(lines)
                lines = []
            if not lines:
                first_line = token.start[0]
            lines.append(token.string.lstrip("#"))
        elif before in ("def", "class") or (not token.start[1] and token.string.isupper()):
            yield token.start[0], token.string.replace("_", " ")
        before = token.string
    yield first_line, "\n".join(lines)


def findings(path: Path, root: Path = ROOT) -> Iterator[str]:
    texts = list(prose(path))
    # One search per file and pattern, since a file of tests has hundreds of texts. No pattern matches NUL.
    starts = [0, *accumulate(len(text) + 1 for _, text in texts)]
    joined = "\0".join(text for _, text in texts)
    for pattern, better in _PATTERNS if path.name in _NAMES_OLD_TERMS else [*_PATTERNS, *_TERMS]:
        for found in pattern.finditer(joined):
            number = bisect_right(starts, found.start()) - 1
            line = texts[number][0] + joined.count("\n", starts[number], found.start())
            words = " ".join(found.group().split())
            yield f"{path.relative_to(root)}:{line}: '{words}'. Write: {better}"


def files(place: str) -> list[Path]:
    found = {path for pattern in PLACES[place] for path in ROOT.glob(pattern)}
    others = {"__pycache__", "node_modules"}
    return sorted(
        path
        for path in found - {Path(__file__)}  # it has every banned turn
        if path.is_file() and path.suffix in KINDS and not others & set(path.parts)
    )


@pytest.mark.parametrize("place", PLACES)
def test_the_language_is_plain(place: str) -> None:
    assert files(place)
    assert not [finding for path in files(place) for finding in findings(path)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.md", "A part stood\nfor 60 million a day.", "stood for"),
        ("b.md", "It writes one row a message.", "row a message"),
        ("b2.md", "It sends 40 segments a\nsecond.", "segments a second"),
        ("c.py", "def f():\n    '''It goes on.'''\n", "goes on"),
        ("d.py", "x = f'{n} s to live it'  # fine\n", "live it"),
        ("d2.py", "# it stands\n# in a file\n", "stands in"),
        ("d3.py", "def test_a_slow_reader_is_told() -> None: ...\n", "is told"),
        ("e.js", "// for good\n", "for good"),
        ("f.html.j2", "<p>turned away</p>", "turned away"),
        ("f2.md", "A message under\nway is sent again.", "under way"),
        ("f3.md", "The page has an advice.", "an advice"),
        ("f4.md", "It is stopped, and so is the load.", "and so is the"),
        ("f5.md", "It waited in the second before.", "the second before"),
        ("f6.py", "_ROWS_A_STEP = 3\n", "ROWS A STEP"),
        ("g.sql", "-- how far it has come stands in `progress`", "stands in"),
    ],
)
def test_a_banned_turn_is_found(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert [finding for finding in findings(path, tmp_path) if f"'{words}'" in finding]


def test_phrases_of_the_glossary_are_read() -> None:
    found = glossary_terms("| in flight | sent | `under way`, `slot` |\n| outcome | what happened | |\n")
    assert list(found.values()) == ["the term of the glossary: in flight"]
    assert [pattern for pattern in found if re.search(pattern, "messages under way")]
    assert len(_TERMS) > 10


def test_code_is_not_prose(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("Run `goes on` or\n\n```\ngoes on\n```\n", encoding="utf-8")
    assert not list(findings(path, tmp_path))
