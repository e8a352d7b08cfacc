"""The health check says what is wrong, and nothing when nothing is."""

import math

from albert_lab.train.callbacks.health import findings


def test_a_model_that_learns_gets_no_warning() -> None:
    assert findings({"train/mlm_loss": 5.0, "train/sentence_loss": 0.6}, unigram_entropy=6.0) == []


def test_a_loss_no_better_than_word_frequencies_is_named() -> None:
    (found,) = findings({"train/mlm_loss": 6.1}, unigram_entropy=6.0)
    assert "6.100 is not below the unigram entropy 6.000" in found
    assert "optimizer.learning_rate" in found


def test_a_sentence_task_at_chance_is_named() -> None:
    (found,) = findings({"train/mlm_loss": 5.0, "train/sentence_loss": math.log(2)}, unigram_entropy=6.0)
    assert "not above chance" in found
