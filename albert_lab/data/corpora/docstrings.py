"""`data.corpus=docstrings`, the default: English prose from the installed scientific Python stack; needs no network.

Source files are read, never imported; a document is a module, and its sentences are those of its docstrings.
"""

import ast
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from albert_lab.config.training import TextFormat
from albert_lab.data.corpora.corpus import Corpus
from albert_lab.data.corpora.documents import Line, lines_of_sentences
from albert_lab.data.corpora.prose import prose_sentences
from albert_lab.data.recipe import recipe_hash
from albert_lab.data.workers import ordered_map
from albert_lab.errors import UserError
from albert_lab.storage.disk import explain_full_disk
from albert_lab.storage.files import write_json
from albert_lab.storage.folders import build_folder
from albert_lab.storage.locks import lock

log = logging.getLogger(__name__)

_RECIPE_VERSION = 1  # raise it when the same packages would give other text
PACKAGES = {  # distribution: its folders of sources; all come with albert_lab's own dependencies
    "torch": ("torch",),
    "scipy": ("scipy",),
    "scikit-learn": ("sklearn",),
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "matplotlib": ("matplotlib",),
    "sympy": ("sympy",),
    "networkx": ("networkx",),
    "SQLAlchemy": ("sqlalchemy",),
    "mlflow": ("mlflow",),
    "optuna": ("optuna",),
    "datasets": ("datasets",),
    "lightning": ("lightning",),
    "torchmetrics": ("torchmetrics",),
    "pyarrow": ("pyarrow",),
    "deepspeed": ("deepspeed",),
    "huggingface_hub": ("huggingface_hub",),
    "fsspec": ("fsspec",),
    "joblib": ("joblib",),
    "alembic": ("alembic",),
    "aiohttp": ("aiohttp",),
    "Flask": ("flask",),
    "Werkzeug": ("werkzeug",),
    "Jinja2": ("jinja2",),
    "requests": ("requests",),
    "cryptography": ("cryptography",),
    "pillow": ("PIL",),
    "fonttools": ("fontTools",),
    "pydantic": ("pydantic",),
    "docker": ("docker",),
    "GitPython": ("git",),
    "click": ("click",),
    "rich": ("rich",),
    "skops": ("skops",),
    "mpmath": ("mpmath",),
    "narwhals": ("narwhals",),
    "fastapi": ("fastapi",),
    "starlette": ("starlette",),
    "urllib3": ("urllib3",),
    "attrs": ("attr",),
    "anyio": ("anyio",),
    "pyparsing": ("pyparsing",),
    "python-dateutil": ("dateutil",),
    "google-auth": ("google/auth", "google/oauth2"),
    "gunicorn": ("gunicorn",),
    "opentelemetry-sdk": ("opentelemetry/sdk",),
}
_SKIPPED_FOLDERS = frozenset({"tests", "test", "testing", "_vendor", "externals", "extern", "node_modules"})
_PREFIXES = ("", "r", "R", "u", "U")
_QUOTES = re.compile(r"\"{3}|'{3}")


class DocstringsCorpus(Corpus):
    """The docstrings of those of `PACKAGES` that are installed, in a text file that is built once."""

    name = "docstrings"
    line_format = TextFormat.sentences

    def identity(self) -> dict[str, Any]:
        packages = [list(package) for package in installed_packages()]
        return {"corpus": "docstrings", "recipe": _RECIPE_VERSION, "packages": packages}

    def lines(self, workers: int | None = None) -> Iterator[Line]:
        packages = installed_packages()
        folder = self.cache / "corpora" / recipe_hash({"docstrings": _RECIPE_VERSION, "packages": packages})
        file = folder / "documents.txt"
        if not file.exists():
            with lock(folder, "the docstrings corpus"):
                if not file.exists():
                    _build(folder, packages, workers)
        yield from lines_of_sentences(file)


def installed_packages() -> list[tuple[str, str]]:
    """(distribution, version) of those of `PACKAGES` that are installed, sorted."""
    found = []
    for name in PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return sorted(found)


def _build(folder: Path, packages: list[tuple[str, str]], workers: int | None) -> None:
    """Writes a sentence per line and a blank line between documents."""
    words = documents = 0
    with explain_full_disk(folder, "paths.cache", "about 20 MB"), build_folder(folder) as scratch:
        with open(scratch / "documents.txt", "w", encoding="utf-8") as file:
            for module in read_modules([name for name, _ in packages], workers):
                file.write("\n".join(module.sentences) + "\n\n")
                words += sum(len(sentence.split()) for sentence in module.sentences)
                documents += 1
        write_json(scratch / "manifest.json", {"packages": packages, "documents": documents, "words": words})
    if not documents:
        raise UserError(
            "data.corpus=docstrings found no docstrings: none of its packages is installed from source files"
        )
    log.info("docstrings corpus: %d documents, %d words", documents, words)


class Module(NamedTuple):
    """A document of this corpus."""

    package: str  # the distribution that it belongs to
    path: str  # of its source file, within the distribution: "torch/nn/functional.py"
    sentences: list[str]


def read_modules(distributions: list[str], workers: int | None = None) -> Iterator[Module]:
    """The modules with at least two sentences, in a fixed order; a repeated sentence counts where it comes first."""
    seen: set[bytes] = set()
    sources = [(name, path, file) for name in distributions for path, file in _source_files(name)]
    all_sentences = ordered_map(module_sentences, (file for *_, file in sources), workers, chunk=32)
    for (name, path, _), sentences in zip(sources, all_sentences, strict=True):
        fresh = []
        for sentence in sentences:
            digest = hashlib.blake2b(sentence.lower().encode(), digest_size=12).digest()
            if digest not in seen:
                seen.add(digest)
                fresh.append(sentence)
        if len(fresh) >= 2:
            yield Module(name, path, fresh)


def _source_files(distribution: str) -> list[tuple[str, Path]]:
    """(path within the distribution, file) of its sources in order, without tests and vendored copies."""
    files: list[tuple[str, Path]] = []
    for package in PACKAGES[distribution]:
        root = Path(str(metadata.distribution(distribution).locate_file(package)))
        paths = (file.relative_to(root) for file in root.rglob("*.py"))
        kept = sorted((path for path in paths if not _SKIPPED_FOLDERS & set(path.parts)), key=lambda path: path.parts)
        files += [(f"{package}/{path.as_posix()}", root / path) for path in kept]
    return files


def module_sentences(file: Path) -> list[str]:
    """The prose sentences of a source file's docstrings, in order; none for a file that cannot be read."""
    try:
        source = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [sentence for docstring in docstrings(source) for sentence in prose_sentences(docstring)]


def docstrings(source: str) -> Iterator[str]:
    """The triple-quoted strings that begin a line: docstrings, and texts passed to `add_docstr` and the like.

    By search, not by `ast`: parsing these packages' 100 MB takes 70 s and this 1 s, and files that don't parse do no
    harm. Triple quotes inside another string or a comment can put it out of step for the rest of a file; the lines of
    code that it then takes for text are not English, so they are left out.
    """
    position = 0
    while opening := _QUOTES.search(source, position):
        quotes, first = opening.group(), opening.end()
        end = source.find(quotes, first)
        while end > 0 and source[end - 1] == "\\":
            end = source.find(quotes, end + 1)
        if end < 0:
            return
        prefix = source[source.rfind("\n", 0, opening.start()) + 1 : opening.start()].strip()
        if prefix in _PREFIXES:
            yield _unescape(source[first:end], prefix + quotes, quotes)
        position = end + 3


def _unescape(text: str, opening: str, closing: str) -> str:
    if "\\" not in text or opening[0] in "rR":
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's strings
            return str(ast.literal_eval(opening + text + closing))
    except (SyntaxError, ValueError):
        return text
