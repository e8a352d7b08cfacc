"""`trainer.compile` from the command line: the same run to rounding."""

import os
import shutil

import pytest

from tests.lab import Lab, folder_of, losses_of, record_of


@pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler, which torch.compile needs on a CPU"
)
def test_a_compiled_run_has_the_losses_and_the_name_of_an_eager_one(lab: Lab, small: list[str]) -> None:
    few_shapes = [
        "objective.max_seq_length=24",
        "objective.short_seq_prob=0",
        "train.budget.steps=3",
        "train.validate_every_steps=3",
    ]
    every_step = [*small, *few_shapes, "trainer.log_every_steps=1", "model.hidden_dropout_prob=0.1"]
    eager = folder_of(lab("pretrain", *every_step, "paths.runs=eager"))
    compiled = folder_of(lab("pretrain", *every_step, "paths.runs=compiled", "trainer.compile=true"))
    assert compiled.name == eager.name
    assert losses_of(compiled) == pytest.approx(losses_of(eager), abs=1e-3)
    assert record_of(compiled)["validation"]["mlm_loss"] == pytest.approx(
        record_of(eager)["validation"]["mlm_loss"], abs=1e-3
    )
