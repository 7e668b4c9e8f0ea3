"""The list of cases, and batches of inputs."""

import numpy as np

from benchmarks.cases import DIFFERENT, EPISODES, Settings, all_cases, batch_of
from elimax.pipeline.tasks import load_task


def test_the_most_valuable_cases_come_first() -> None:
    """Values of all tasks, then run times batch by batch, then training of some tasks."""
    settings = Settings(batch=(64, 8), check_batch=4, values=True, training=True)
    cases = all_cases(["mlp", "kerr_metric"], settings)
    assert [case.label for case in cases if case.task == "mlp"] == [
        "values float64 published batch 4",
        "times float32 published batch 64",
        "times float32 packed batch 64",
        "times float32 published batch 8",
        "times float32 packed batch 8",
    ]
    assert [case.task for case in cases[:2]] == ["mlp", "kerr_metric"]
    assert [case.label for case in cases[-2:]] == [f"training with {n} games" for n in EPISODES]


def test_only_what_is_wanted() -> None:
    """By default run times in float32; dtypes and layouts are chosen."""
    assert {case.kind for case in all_cases(["mlp"], Settings())} == {"times"}
    some = all_cases(["mlp"], Settings(batch=[2], dtype=["float64"], layouts=["packed"]))
    assert [case.label for case in some] == ["times float64 packed batch 2"]


def test_batches_have_their_axis_where_vmap_finds_it() -> None:
    """As published, the task's arguments; packed, one array of vectors."""
    task = load_task("roe_flux_1d")
    published, axes = batch_of(task, "published", 3, seed=0)
    assert len(axes) == len(published) and all(len(array) == 3 for array in published)
    (vectors, others), axes = batch_of(task, "packed", 3, seed=0)
    assert axes == (0, None) and vectors.shape[0] == 3 and set(others) == {None}
    np.testing.assert_array_equal(vectors[:, 0], np.ravel(published[0])[:3])


def test_large_batches_repeat_points() -> None:
    """Noise for millions of points would take longer than to measure them."""
    (vectors, _), _ = batch_of(load_task("roe_flux_1d"), "packed", DIFFERENT + 5, seed=0)
    assert len(vectors) == DIFFERENT + 5
    np.testing.assert_array_equal(vectors[DIFFERENT:], vectors[:5])
    assert len(np.unique(vectors[:DIFFERENT, 0])) > DIFFERENT / 2
