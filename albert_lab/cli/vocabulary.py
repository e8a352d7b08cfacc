"""`albert-lab vocabulary`: trains the corpus's vocabulary, or finds it, and writes a folder that transformers loads."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import VocabularyConfig

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    run_app(vocabulary, "vocabulary", arguments)
    return 0


def vocabulary(composed: Any) -> None:
    print(write_vocabulary(from_hydra(composed, VocabularyConfig)), flush=True)


def write_vocabulary(config: VocabularyConfig) -> Path:
    """The folder under `paths.runs`, named by the number of pieces and by what they are; the same one every time.

    Raises: UserError for whatever is wrong with the corpus or the vocabulary's size.
    """
    from albert_lab.config.plain import flatten
    from albert_lab.config.ranges import check_numbers
    from albert_lab.data.prepare import vocabulary_file
    from albert_lab.storage.digests import file_digest
    from albert_lab.tokenizer import AlbertTokenizerFast

    check_numbers(flatten(config))
    file = vocabulary_file(config.data, config.tokenizer, Path(config.paths.cache))
    tokenizer = AlbertTokenizerFast(
        str(file),
        do_lower_case=config.tokenizer.do_lower_case,
        keep_accents=config.tokenizer.keep_accents,
    )
    kept = f"{'' if config.tokenizer.do_lower_case else '-cased'}{'-accents' if config.tokenizer.keep_accents else ''}"
    folder = Path(config.paths.runs).absolute() / "vocabularies" / f"{len(tokenizer)}{kept}-{file_digest(file)[:8]}"
    tokenizer.save_pretrained(folder)
    log.info("%d pieces, ids 0 to %d", len(tokenizer), len(tokenizer) - 1)
    return folder
