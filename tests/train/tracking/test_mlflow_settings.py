"""MLflow shows at most forty parameters of a run, and reports get all settings from one tag."""

import json
from dataclasses import replace

from albert_lab.train.tracking.mlflow_settings import LONGEST_TAG, MOST_PARAMETERS, choose_parameters, pack_settings
from tests.lab import composed


def test_the_parameters_say_what_a_run_is_and_what_its_study_varies() -> None:
    config = composed("study=table4", "scale=smoke", "preset=huggingface", "optimizer.beta2=0.98")
    config = replace(config, study=replace(config.study, axes={"optimizer.eps": [1e-6, 1e-8]}))
    chosen = choose_parameters(config)
    assert {"sharing.scheme", "model.embedding_size", "train.seed", "optimizer.eps", "optimizer.beta2"} <= set(chosen)
    assert len(chosen) <= MOST_PARAMETERS
    assert "paths.runs" not in chosen


def test_all_settings_fit_a_tag_but_for_a_very_long_one() -> None:
    config = composed("scale=smoke")
    settings = json.loads(pack_settings(config))
    assert settings["optimizer.eps"] == config.optimizer.eps
    long = replace(config, data=replace(config.data, files=["corpus.txt"] * 1000))
    packed = pack_settings(long)
    assert len(packed) <= LONGEST_TAG
    assert settings.keys() - json.loads(packed).keys() == {"data.files"}
