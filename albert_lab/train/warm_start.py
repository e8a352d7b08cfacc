"""A run's model starts from the weights of another run or of any checkpoint."""

import logging
from pathlib import Path

from albert_lab.config.variant import WarmStartConfig
from albert_lab.model.torch.auto import load_any
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel
from albert_lab.model.torch.warm_start import start_from
from albert_lab.storage.digests import file_digest

log = logging.getLogger(__name__)


def warm_start(model: AlbertPreTrainedModel, config: WarmStartConfig, tokenizer_file: Path) -> None:
    """Fills the model as `config` says.

    Raises:
        UserError: no such checkpoint, or one of another depth or size.
    """
    assert config.checkpoint is not None
    assert config.blocks is not None
    start_from(model, load_any(config.checkpoint), config.blocks, config.lora)
    log.info("started from %s: blocks %s, LoRA %s", config.checkpoint, config.blocks, config.lora)
    _warn_of_another_vocabulary(Path(config.checkpoint).expanduser() / "spiece.model", tokenizer_file)


def _warn_of_another_vocabulary(theirs: Path, ours: Path) -> None:
    """Word embeddings of another vocabulary fit, and belong to other pieces."""
    if theirs.is_file() and file_digest(theirs) != file_digest(ours):
        log.warning("the weights belong to another vocabulary; tokenizer.model_file=%s takes theirs", theirs)
