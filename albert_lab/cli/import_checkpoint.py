"""`albert-lab import CHECKPOINT FOLDER`: reads a Google or Hugging Face checkpoint into a folder of the lab."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albert_lab.errors import UserError

if TYPE_CHECKING:
    from albert_lab.model.torch.albert import AlbertForPreTraining

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    import_checkpoint(asked.checkpoint, asked.folder)
    print(asked.folder.absolute())
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("albert-lab import", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a folder of Google's archives (or model.ckpt-best in it), a Hugging Face folder, or a name on the hub",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write; made if it is missing")
    return parser


def import_checkpoint(checkpoint: str, folder: Path) -> None:
    """Writes the model of `checkpoint` and its vocabulary to `folder` in the lab's format.

    Raises:
        UserError: there is no checkpoint, or it is damaged or belongs to another kind of model.
    """
    from albert_lab.model.torch.auto import load_any
    from albert_lab.model.torch.checkpoint import write_pretrained
    from albert_lab.tokenizer import AlbertTokenizer

    path = Path(checkpoint)
    if folder.exists() and path.is_dir() and folder.samefile(path):
        raise UserError(f"{folder} is the checkpoint to read; give another folder to write to")
    google = _is_google(path)
    write_pretrained(_from_google(path) if google else load_any(checkpoint), folder)
    vocabulary = _vocabulary(path if path.is_dir() else path.parent)
    if vocabulary is None:
        log.warning("%s has no vocabulary (*.model), so none was written", checkpoint)
    else:
        AlbertTokenizer(str(vocabulary)).save_pretrained(folder)


def _is_google(path: Path) -> bool:
    return path.with_name(f"{path.name}.index").is_file() or (path.is_dir() and any(path.glob("**/*.index")))


def _from_google(path: Path) -> "AlbertForPreTraining":
    from albert_lab.model.configuration import AlbertConfig
    from albert_lab.model.formats.google_checkpoint import read_google_checkpoint
    from albert_lab.model.formats.hf_format import hf_names
    from albert_lab.model.torch.albert import AlbertForPreTraining
    from albert_lab.model.torch.arrays import to_tensor
    from albert_lab.model.torch.checkpoint import blank, fill
    from albert_lab.model.torch.state_names import own_names

    read = read_google_checkpoint(path)
    state = {name: to_tensor(array) for name, array in read.state.items()}
    model = blank(AlbertForPreTraining, AlbertConfig.from_dict(read.config))
    fill(model, hf_names(model.config, own_names(model)), state, str(path))
    return model


def _vocabulary(folder: Path) -> Path | None:
    """The SentencePiece model in a checkpoint's folder: spiece.model, or 30k-clean.model in Google's archives."""
    found = sorted(folder.glob("*.model"), key=lambda file: file.name != "spiece.model")
    return found[0] if found else None
