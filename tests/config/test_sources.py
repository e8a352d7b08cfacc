"""Choices are read from where Hydra reads them: the lab's folders and those that a user adds."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType

from albert_lab.config.compose import register
from albert_lab.config.folders import CONF_FOLDER
from albert_lab.config.overrides import check_overrides, find_search_path, spell_out
from albert_lab.config.sources import Sources, find_sources
from albert_lab.errors import UserError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("scale/mine", "scale/deep/mine", "study/mine", "mix/mine", "sharing/ffn", "experiment/probing"):
        file = tmp_path / f"own/{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# @package _global_\n{}\n")
    (tmp_path / "own/scale/probing.txt").write_text("not a choice")
    (tmp_path / "own/stray.yaml").write_text("{}\n")
    return tmp_path / "own"


@pytest.mark.parametrize("place", ["own", "file://own", "PATH", "pkg://own"])
def test_choices_are_those_that_hydra_lists(place: str, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "pkg://own":
        (own / "__init__.py").touch()
        monkeypatch.syspath_prepend(own.parent)
    override = f"hydra.searchpath=[{place.replace('PATH', str(own))}]"
    sources = find_sources(search_path=find_search_path([override]))
    register()
    with initialize_config_dir(str(CONF_FOLDER)):
        loader = GlobalHydra.instance().config_loader()
        for group in ("scale", "study", "sharing", "data", "experiment"):
            listed = loader.get_group_options(group, ObjectType.CONFIG, "pretrain", [override])
            assert [name for name in sources.choices(group) if "/" not in name] == sorted(set(listed))


def test_a_users_own_choices_pass(own: Path) -> None:
    sources = find_sources("own")
    check_overrides("pretrain", ["scale=mine", "study=mine", "scale=deep/mine", "+mix=mine", "sharing=all"], sources)


REFUSED = {
    "scale=minee": "no scale=minee; did you mean 'mine'",
    "experiment=prob": "no experiment=prob; did you mean 'prob",
    "+mix=none": "no mix=none; known: mine",
    "mix=mine": r"mix is a group of your own: write \+mix=mine",
    "sharing=ffn": "sharing=ffn is .*conf/sharing/ffn.yaml, which hides .*own/sharing/ffn.yaml: give yours",
    "scale=stray": "no scale=stray: .*own/stray.yaml .*; move it to .*own/scale",
}


@pytest.mark.parametrize("override", REFUSED)
def test_a_wrong_choice_is_refused_with_the_nearest_of_both(override: str, own: Path) -> None:
    with pytest.raises(UserError, match=REFUSED[override]):
        check_overrides("pretrain", [override], find_sources("own"))


def test_a_folder_one_too_deep_is_recognized(own: Path) -> None:
    with pytest.raises(UserError, match=r"give its parent .*own$"):
        check_overrides("pretrain", ["study=mine"], find_sources("own/study"))


def test_the_labs_own_folder_hides_nothing() -> None:
    check_overrides("pretrain", ["sharing=ffn"], find_sources(str(CONF_FOLDER)))


@pytest.mark.parametrize("place", ["nowhere", "file://nowhere", "pkg://no_such_package", "pkg://no.such.package"])
def test_a_place_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(UserError, match=f"hydra.searchpath={place}: no (folder|package)"):
        find_sources(search_path=[place])


def test_plus_is_dropped_before_a_group_that_the_verb_chooses_from() -> None:
    given = ["+experiment=bert", "+sharing=all", "+mine=x", "scale=tiny"]
    kept = ["experiment=bert", "+sharing=all", "+mine=x", "scale=tiny"]
    assert [spell_out("pretrain", word) for word in given] == kept
    assert Sources().added == ()
