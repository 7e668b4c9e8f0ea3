"""What auto finds, measured."""

import os

from benchmarks.auto_measure import measure_auto
from support.traced_tasks import task_graph


def test_what_auto_finds_is_found_again():
    """In memory and in a file; the user's own cache is not touched."""
    before = os.environ.get("ELIMAX_CACHE_DIR")
    entry = measure_auto(task_graph("mlp"))
    assert (entry["all"], entry["nontrivial"], entry["found_by"]) == (284, 199, "reverse")
    assert entry["seconds"] > 0 and entry["memory_ms"] > 0 and entry["file_ms"] > 0
    assert os.environ.get("ELIMAX_CACHE_DIR") == before
