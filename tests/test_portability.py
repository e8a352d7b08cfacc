"""Models and tokenizers work where the system has no fcntl, prctl or sched_getaffinity, as macOS and Windows do."""

import os
import subprocess
import sys
from pathlib import Path

from tests.lab import ROOT

USE_THE_LIBRARY = """
import ctypes, os, sys

sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("sched_getaffinity", "sched_setaffinity", "fork"):
    delattr(os, name)
real = ctypes.CDLL

class WithoutPrctl(real):
    def __getattr__(self, name):
        if name == "prctl":
            raise AttributeError(name)
        return super().__getattr__(name)

ctypes.CDLL = WithoutPrctl

import torch
from albert_lab import AlbertConfig, AlbertForMaskedLM, AlbertTokenizer, AlbertTokenizerFast

vocabulary, folder = sys.argv[1:]
tokenizer = AlbertTokenizer(vocabulary)
tokenizer.save_pretrained(folder)
config = AlbertConfig(vocab_size=len(tokenizer), embedding_size=4, hidden_size=8, num_attention_heads=2,
                      intermediate_size=16, num_hidden_layers=2)
model = AlbertForMaskedLM(config).eval()
model.save_pretrained(folder)

for kind in (AlbertTokenizer, AlbertTokenizerFast):
    encoded = kind.from_pretrained(folder)(["Ba do ki.", "Lu."], padding=True, return_tensors="pt")
    with torch.no_grad():
        again = AlbertForMaskedLM.from_pretrained(folder).eval()(**encoded).logits
        assert torch.equal(again, model(**encoded).logits)
assert not {"hydra", "omegaconf", "lightning", "transformers"} & set(sys.modules)
"""


def test_models_and_tokenizers_need_nothing_that_only_linux_has(tmp_path: Path) -> None:
    vocabulary = ROOT / "tests" / "golden" / "own.model"
    command = [sys.executable, "-c", USE_THE_LIBRARY, str(vocabulary), str(tmp_path / "saved")]
    result = subprocess.run(command, env=os.environ, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
