"""Takes the English prose out of a docstring: no code, no markup, no parameter types, no tables."""

import re
from collections.abc import Iterator
from inspect import cleandoc

from albert_lab.data.corpora.sentences import split_sentences

_KEPT_DIRECTIVES = frozenset({"note", "warning", "tip", "important", "caution", "attention", "hint", "admonition"})
_DIRECTIVE = re.compile(r"\.\.\s+([\w:-]+)::\s*(.*)$")
_COMMENT = re.compile(r"\.\.(\s|$)")
_UNDERLINE = re.compile(r"([=\-~^`*+#\"'.:_])\1{2,}\s*$")
_TABLE = re.compile(r"\s*(\||\+[-=]|[=\-]{2,}\s+[=\-]{2,})")
_FIELD = re.compile(r"[:@](\w+)([^:]*):\s*")
_TYPED_ITEM = re.compile(r"[`*]{0,2}[\w.]+[`*]{0,2}(\s*\([^)]*\))?(:|\s+--)\s+(?=\S)")
_BULLET = re.compile(r"([-*+•]|\(?(?:[0-9]{1,2}|[a-z])[.)])\s+")

_INLINE = (
    (re.compile(r":[\w:+-]+:`~(?:\w+\.)*(\w+)(?:\(\))?`"), r"\1"),  # Sphinx shows the last name of a ~ role
    (re.compile(r":[\w:+-]+:`([^`<]*?)\s*(?:<[^`>]*>)?`"), r"\1"),  # a role keeps its text
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{0,2}"), r"\1"),  # so does a named link
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\s?\[[\w*#-]+\]_"), ""),  # footnotes
    (re.compile(r"(\*{1,2}|`{1,3})(\S(?:.*?\S)?)\1_{0,2}"), r"\2"),
    (re.compile(r"[`~]|\\(?=\W)"), ""),
    (re.compile(r"\s+"), " "),
)

_SENTENCE = re.compile(r"""["'(]?[A-Z][A-Za-z0-9 ,;:'"()\-–—%/.?!’“”]*[.?!]["')”]?""")
_CODE = re.compile(r"""[a-z]\.[a-zA-Z]|\w\(|\(\)|[A-Z]{7,}|::|--|\.\.|//|/\w+/|\b\w\b[^\w]+\b[b-zB-HJ-Z]\b|\w/\s""")
_CAMEL_CASE = re.compile(r"[a-z0-9][A-Z]")
_ALLOWED_DOTS = re.compile(r"\b(?:e\.g|i\.e|a\.k\.a)\.")
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_GRAMMAR = (
    "a an the this that these those it its is are was were be been being has have had do does did will would can could "
    "may might must should shall of to in on at by for with from into over as if then than when where which who whose "
    "and or but not no nor so such any each every all some both there here we you they he she their our your them "
    "between within without through during before after under about against because while only also more most"
)
_FUNCTION_WORDS = frozenset(_GRAMMAR.split())
_LONGEST_WORD = 60  # characters; a longer one is data


def prose_sentences(docstring: str) -> list[str]:
    """The sentences of a docstring that a reader would call English, in order."""
    found = []
    for block in _blocks(cleandoc(docstring).splitlines()):
        text = block
        for pattern, replacement in _INLINE:
            text = pattern.sub(replacement, text)
        found += [sentence for sentence in split_sentences(text) if is_english(sentence)]
    return found


def is_english(sentence: str) -> bool:
    """Whether it starts with a capital, ends with a stop and is made of English words (at least 5) without code."""
    if not 20 <= len(sentence) <= 600 or not _SENTENCE.fullmatch(sentence):
        return False
    if _CODE.search(_ALLOWED_DOTS.sub("", sentence)) or sentence.count("(") != sentence.count(")"):
        return False
    if len(_CAMEL_CASE.findall(sentence)) > 1:
        return False
    words = _WORD.findall(sentence)
    letters = sum(map(len, words))
    if len(words) < 5 or letters < 0.72 * len(sentence) or max(map(len, sentence.split())) > _LONGEST_WORD:
        return False
    grammar = sum(word.lower() in _FUNCTION_WORDS for word in words)
    return grammar >= max(2, 0.2 * len(words))


def _blocks(lines: list[str]) -> Iterator[str]:
    """Runs of lines that belong to one paragraph, list item or parameter's description, each joined into one string."""
    block: list[str] = []
    depth, labelled_start = 0, False  # indentation of the last line; whether the block began with a label
    for line in _text_lines(lines):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        labelled = _strip_label(text) != text
        if block and (not text or labelled or indent < depth or (indent > depth and not labelled_start)):
            yield " ".join(block)
            block = []
        if not text:
            continue
        if not block:
            labelled_start = labelled
            text = _strip_label(text)
        depth = indent
        block.append(text)
    if block:
        yield " ".join(block)


def _strip_label(text: str) -> str:
    for pattern in (_BULLET, _FIELD, _TYPED_ITEM):
        text = pattern.sub("", text, count=1) if pattern.match(text) else text
    return text


def _text_lines(lines: list[str]) -> Iterator[str]:
    """The lines that are neither code, literal block, directive, table, title nor underline."""
    skip_deeper_than: int | None = None  # indentation of what opened a literal block or a directive
    in_fence = in_doctest = False
    for number, line in enumerate(lines):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text.startswith(("```", "~~~")):
            in_fence = not in_fence
            yield ""
            continue
        if skip_deeper_than is not None and text and indent <= skip_deeper_than:
            skip_deeper_than = None
        in_doctest = bool(text) and (in_doctest or text.startswith(">>>"))
        if in_fence or in_doctest or skip_deeper_than is not None:
            yield ""
            continue
        skip_deeper_than, kept = _open_block(text, indent)
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        is_title = bool(text) and _UNDERLINE.match(following) is not None
        if is_title or _UNDERLINE.match(text) or _TABLE.match(line):
            kept = ""
        yield " " * indent + kept if kept else ""


def _open_block(text: str, indent: int) -> tuple[int | None, str]:
    """(indentation of a literal block or directive that opens here, or None; what to keep of the line)."""
    directive = _DIRECTIVE.match(text)
    if directive:
        if directive.group(1) in _KEPT_DIRECTIVES:
            return None, directive.group(2)
        return indent, ""
    if _COMMENT.match(text):
        return indent, ""
    if text.endswith("::"):
        return indent, text[:-1]
    return None, text
