"""Scratch copies for profiles."""

import json
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.checkout.profiles import copy_for_profile
from elimax.pipeline.errors import ParamsError, StageError
from support.scratch_checkout import make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Layout:
    """A small checkout."""
    return make_checkout(tmp_path / "checkout")


def set_profiles(layout: Layout, **profiles: object) -> None:
    """Replaces the profiles of params.yaml."""
    params = {**load_params(layout.params), "profiles": profiles}
    layout.params.write_text(json.dumps(params))


def test_copy_has_programs_and_no_results(checkout: Layout) -> None:
    """Tracked and new files are copied; results, dvc.lock and ignored files are not."""
    for name in ("new.py", "dvc.lock", "results/summary.json", "data/orders/mlp.json"):
        (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / name).touch()
    (checkout.root / "__pycache__").mkdir()
    (checkout.root / "__pycache__/x.pyc").touch()
    copy = copy_for_profile(checkout, "tiny").root
    assert copy == checkout.root / ".state/tiny"
    assert (copy / "new.py").is_file() and (copy / "pipeline/stages/extract.py").is_file()
    for name in ("dvc.lock", "results", "data", "__pycache__", ".git", ".state"):
        assert not (copy / name).exists(), name


def test_copy_has_what_numba_compiled(checkout: Layout) -> None:
    """So that no run of a profile compiles again; numba compares the time of the last change."""
    program = Path("pipeline/stages/extract.py")
    compiled = program.parent / "__pycache__/extract.f-1.py311.1.nbc"
    (checkout.root / compiled).parent.mkdir()
    (checkout.root / compiled).write_text("machine code")
    copy = copy_for_profile(checkout, "tiny").root
    assert (copy / compiled).read_text() == "machine code"
    times = [(root / program).stat().st_mtime for root in (checkout.root, copy)]
    assert times[0] == times[1]


def test_copy_starts_anew(checkout: Layout) -> None:
    """What an earlier run left in the copy is gone."""
    left = copy_for_profile(checkout, "tiny").root / "data/left"
    left.parent.mkdir()
    left.touch()
    copy_for_profile(checkout, "tiny")
    assert not left.exists()


def test_values_are_merged_at_any_depth(checkout: Layout) -> None:
    """The profile replaces lists and single values, and leaves the rest."""
    before = load_params(checkout.params)
    after = load_params(copy_for_profile(checkout, "tiny").params)
    assert after["tasks"] == ["mlp"]
    assert after["finetune"] == {**before["finetune"], "updates": 1}
    assert after["search"] == before["search"]
    assert load_params(checkout.params) == before


def test_unknown_profile_lists_the_profiles(checkout: Layout) -> None:
    """A misspelled profile is named with its neighbour."""
    with pytest.raises(ParamsError, match="no profile 'tinny'; did you mean 'tiny'"):
        copy_for_profile(checkout, "tinny")


def test_unknown_key_of_a_profile_is_refused(checkout: Layout) -> None:
    """A value that no stage reads would change nothing, so it is an error."""
    set_profiles(checkout, tiny={"finetune": {"update": 1}})
    with pytest.raises(ParamsError, match=r"tiny\.finetune has the unknown key 'update'"):
        copy_for_profile(checkout, "tiny")


def test_folder_without_git_is_refused(tmp_path: Path) -> None:
    """The message says what is needed, and what git said."""
    (tmp_path / "params.yaml").write_text("{profiles: {tiny: {}}}")
    with pytest.raises(StageError, match="a profile needs a git checkout; git says: fatal"):
        copy_for_profile(Layout(tmp_path), "tiny")
