"""Sentences out of paragraphs, prose out of docstrings."""

import pytest

from albert_lab.data.corpora.docstrings import docstrings, module_sentences, read_modules
from albert_lab.data.corpora.prose import is_english, prose_sentences
from albert_lab.data.corpora.sentences import split_sentences


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("One here. Two there.", ["One here.", "Two there."]),
        ("Dr. Smith met J. R. R. Tolkien in the U.S. Army.", ["Dr. Smith met J. R. R. Tolkien in the U.S. Army."]),
        ("It was 3.14 m long. 20 of them fell.", ["It was 3.14 m long.", "20 of them fell."]),
        ('"Is it?" He asked. (It was.) Yes!', ['"Is it?"', "He asked.", "(It was.)", "Yes!"]),
        ("See e.g. Figure 2, i.e. Fig. 3 vs. No. 4.", ["See e.g. Figure 2, i.e. Fig. 3 vs. No. 4."]),
        ("no capital. after this", ["no capital. after this"]),
        ("It ends in x. Then y follows.", ["It ends in x.", "Then y follows."]),
        ("Über alles. Élan vital.", ["Über alles.", "Élan vital."]),
        ("  ", []),
        ("", []),
    ],
)
def test_paragraphs_split_at_sentence_ends_only(paragraph: str, sentences: list[str]) -> None:
    assert split_sentences(paragraph) == sentences


def test_splitting_loses_no_character() -> None:
    text = 'He said: "No." Mr. X. left at 5 p.m. on Monday... Then? It was over! And (so on). End'
    assert " ".join(split_sentences(text)) == text


DOCSTRING = """Fit the model to the data of this table.

    The :class:`~pkg.Model` keeps the **best** result, see the `guide <https://x.org>`_ for more of it.
    Sums are computed by ``float`` numbers on all of the machines [1]_.

    Parameters
    ----------
    x : array_like of shape (n,)
        The values that the model is fitted to, which
        may be of any length.
    other_name, y : int, optional
        Not used in this version of the model.

    Args:
        rate (float): The share of the values that are left out.
        x: If this is set then it is used for the others too.

    Returns
    -------
    int
        The number of values that were used in the fit.

    .. note:: This function is slow for the largest of tables.

    .. code-block:: python

        Run this in the shell of your choice now.

    .. math:: The sum of all the values is here.

    Use it as in the following example::

        And this is a literal block of the code.

    - The first item of the list is a sentence too.
    :param z: The third of the values that are given.

    Examples
    --------
    >>> This is code that looks like it is a sentence.
    The output of the code is also not for us.

    +------+
    | This is the table of the cells. |
    """


def test_prose_is_kept_and_code_is_not() -> None:
    assert prose_sentences(DOCSTRING) == [
        "Fit the model to the data of this table.",
        "The Model keeps the best result, see the guide for more of it.",
        "Sums are computed by float numbers on all of the machines.",
        "The values that the model is fitted to, which may be of any length.",
        "Not used in this version of the model.",
        "The share of the values that are left out.",
        "If this is set then it is used for the others too.",
        "The number of values that were used in the fit.",
        "This function is slow for the largest of tables.",
        "The first item of the list is a sentence too.",
        "The third of the values that are given.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Set x_train to the value of the data.",
        "The value of x = 3 is used for the sum.",
        "Call numpy.array to get the list of it.",
        "the list of the values is not sorted.",
        "The list of the values is not sorted",
        "Too short, the one.",
        "Gene names: BRCA, TP53, MYC, EGFR, KRAS, PTEN.",
        "Sums f(x) over the values of the set.",
    ],
)
def test_what_is_not_english_is_left_out(sentence: str) -> None:
    assert not is_english(sentence)


def test_docstrings_are_found_without_parsing() -> None:
    source = '''
"""Module."""
text = """not one"""
def f():
    r"""Raw \\d."""
    """Escaped \\
line."""
class A:
    \'\'\'Single.\'\'\'
add_docstr(f,
    """Given.""")
def broken(:
'''
    assert list(docstrings(source)) == ["Module.", "Raw \\d.", "Escaped line.", "Single.", "Given."]


def test_a_file_that_cannot_be_read_gives_nothing(tmp_path: object) -> None:
    from pathlib import Path

    assert module_sentences(Path(str(tmp_path)) / "absent.py") == []
    binary = Path(str(tmp_path)) / "binary.py"
    binary.write_bytes(b'"""\xff\xfe"""')
    assert module_sentences(binary) == []


def test_the_docstrings_corpus_reads_as_english() -> None:
    """Of one package: English letters, common words, no repeats, the same twice."""
    modules = list(read_modules(["joblib", "optuna"], workers=1))
    assert modules == list(read_modules(["joblib", "optuna"], workers=2))
    sentences = [sentence for module in modules for sentence in module.sentences]
    assert all(len(module.sentences) >= 2 for module in modules)
    assert len(set(sentences)) == len(sentences)
    words = " ".join(sentences).lower().split()
    assert len(words) > 10_000
    assert 0.05 < words.count("the") / len(words) < 0.12  # 6 % of running English
    letters = sum(character.isalpha() or character == " " for character in " ".join(sentences))
    assert letters / sum(map(len, sentences)) > 0.95
