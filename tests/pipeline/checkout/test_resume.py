"""Names of checkpoints."""

from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.resume import checkpoint_of


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_checkpoint_is_named_by_all_that_its_result_depends_on(
    tmp_path: Path, stage: str
) -> None:
    """Both trainings have one, in .state/; other parameters give it another name."""
    layout = Layout(tmp_path)
    paths = [checkpoint_of(layout, stage, "mlp", {"updates": n}).path for n in (1, 1, 2)]
    assert paths[0] == paths[1] != paths[2]
    assert {path.parent for path in paths} == {tmp_path / ".state" / stage}
    assert all(path.name.startswith("mlp-") and path.suffix == ".state" for path in paths)
