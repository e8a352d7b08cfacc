"""`albert-lab export RUN FOLDER`: writes a run's model and vocabulary as a folder that transformers loads."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from albert_lab.errors import UserError

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    export(asked.run, asked.folder, asked.unroll)
    print(asked.folder.absolute())
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("albert-lab export", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="a run's folder, or any checkpoint folder of the lab")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write; made if it is missing")
    parser.add_argument(
        "--unroll",
        action="store_true",
        help="give every layer a group of its own: an equal, larger model, for sharing that transformers can't express",
    )
    return parser


def export(run: str, folder: Path, unroll: bool = False) -> None:
    """Writes the model of `run` and its vocabulary to `folder`.

    Args:
        unroll: give every layer a group of its own.

    Raises:
        UserError: there is no model, or Hugging Face's format can't express it.
    """
    from albert_lab.model.torch.auto import load_any
    from albert_lab.model.torch.checkpoint import write_pretrained
    from albert_lab.model.torch.unroll import unroll_model
    from albert_lab.tokenizer import AlbertTokenizer

    if folder.exists() and Path(run).is_dir() and folder.samefile(run):
        raise UserError(f"{folder} is the model to export; give another folder to write to")
    model = load_any(run)
    write_pretrained(unroll_model(model) if unroll else model, folder, own_format=False)
    if (Path(run) / "spiece.model").is_file():
        AlbertTokenizer.from_pretrained(run).save_pretrained(folder)
    else:
        log.warning("%s has no vocabulary (spiece.model), so none was written", run)
