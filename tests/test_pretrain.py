"""One run from end to end: what its folder holds, and budgets and objectives besides the default."""

from safetensors import safe_open

from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.train.callbacks.meter import WARMUP_STEPS
from tests.lab import Lab, folder_of, losses_of, record_of


def test_the_smoke_scale_trains_on_the_default_corpus(lab: Lab) -> None:
    """English of the installed packages' docstrings: no network, no data, real text."""
    folder = folder_of(lab("pretrain", "scale=smoke", "tracking=none", "trainer.accelerator=cpu", "trainer.threads=1"))
    record = record_of(folder)
    assert record["training"]["steps"] == 40
    assert sorted(losses_of(folder)) == [1, *range(5, 41, 5)]
    assert losses_of(folder)[40] < losses_of(folder)[1]
    with safe_open(folder / "model.safetensors", "numpy") as weights:
        stored = sum(weights.get_tensor(name).size for name in weights.keys())  # noqa: SIM118 (not a dict)
    assert stored == record["parameters"]["unique"] < record["parameters"]["applied"]
    memory = record["memory_bytes"]
    assert memory["floor"] < memory["peak"]
    assert memory["optimizer"] == 2 * memory["weights"] == 8 * record["parameters"]["unique"]
    assert memory["activations"] > 0
    assert (folder / "log.txt").read_text().count("held-out MLM accuracy") == 1


def test_a_budget_in_seconds_is_kept_and_a_model_needs_no_sentence_task(lab: Lab, small: list[str]) -> None:
    clock = ["train.budget.steps=null", "train.budget.seconds=4"]
    record = record_of(folder_of(lab("pretrain", *small, *clock, "objective=mlm")))
    assert record["training"]["seconds"] >= 4
    assert record["training"]["steps"] > 0
    assert record["validation"]["sentence_accuracy"] is None


def test_options_of_block_and_embedding_train_together_and_load_from_the_run(lab: Lab, small: list[str]) -> None:
    options = ["block=[pre_ln,universal,relative_key]", "embedding=rembert", "sharing=attention"]
    folder = folder_of(lab("pretrain", *small, *options, "model.output_embedding_size=20"))
    assert "relative_key-O20-seed-0" in folder.name
    losses = losses_of(folder)
    assert losses[10] < losses[1]
    model, info = AlbertForPreTraining.from_pretrained(folder, output_loading_info=True)
    assert not any(info)
    assert model.num_parameters() == record_of(folder)["parameters"]["unique"]
    assert model.predictions.decoder.weight.shape == (100, 20)
    assert model.albert.encoder.attention[0].relative.distance_embedding.weight.shape == (127, 24)
    assert model.config.norm_placement == "pre"
    assert model.config.depth_signal == "universal"


def test_a_finished_run_holds_its_files_and_nothing_half_written(lab: Lab, small: list[str]) -> None:
    folder = folder_of(lab("pretrain", *small))
    files = {path.name for path in folder.iterdir()}
    assert files >= {"config.yaml", "result.json", "log.txt", "metrics.jsonl", "model.safetensors", "checkpoints"}
    assert not list(folder.rglob(".*"))
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-12"]


def test_a_record_says_how_busy_the_machine_was_and_how_many_steps_its_speed_is_of(lab: Lab, small: list[str]) -> None:
    speed = record_of(folder_of(lab("pretrain", *small)))["speed"]
    assert all(0 <= speed[f"others_{moment}"] <= 1 for moment in ("at_start", "mean", "at_end"))
    assert speed["trainings_at_once"] >= 1
    assert speed["timed_steps"] == 12 - WARMUP_STEPS
