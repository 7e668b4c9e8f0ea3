"""Work in threads and shared by processes; real processes are in the tests of stage pretrain."""

import threading

import pytest

from elimax.models import processes
from elimax.models.processes import in_processes, in_threads, wait_for_all


def test_threads_keep_the_order():
    """Results are in the order of the items, whichever is done first."""
    first_is_waiting = threading.Event()

    def function(number: int) -> int:
        if number == 0:
            assert first_is_waiting.wait(timeout=60)
        else:
            first_is_waiting.set()
        return 2 * number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 2)
        assert in_threads(function, range(5)) == [0, 2, 4, 6, 8]


def test_threads_pass_errors_on():
    """An error in a thread is one of the caller."""
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda x: 1 // x, [1, 0])


@pytest.mark.parametrize("number", [0, 1, 2, 5, 7])
def test_every_process_does_its_part(number, monkeypatch):
    """Each of three maps every third item; put together they are all, in order."""
    items, done = list(range(number)), []
    parts = [[str(item) for item in items[k::3]] for k in range(3)]
    monkeypatch.setattr("jax.process_count", lambda: 3)
    for index in range(3):
        monkeypatch.setattr("jax.process_index", lambda index=index: index)

        def exchanged(part, index=index):
            assert part == parts[index]
            done.extend(part)
            return parts

        monkeypatch.setattr(processes, "_exchanged", exchanged)
        assert in_processes(str, items) == [str(item) for item in items]
    assert sorted(done) == [str(item) for item in items]


def test_one_process_does_all():
    """And waits for nobody."""
    assert in_processes(str, [1, 2, 3]) == ["1", "2", "3"]
    wait_for_all("here")
