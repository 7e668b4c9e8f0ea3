"""What commands print."""

import json
import sys

import pytest

from elimax.pipeline import console as console_module
from elimax.pipeline.console import (
    Console,
    cell,
    eta,
    plain_table,
)


def test_plain_table_aligns_numbers_to_the_right() -> None:
    """Without a terminal a table has no colours and no frames."""
    text = plain_table(["name", "cost"], [["a", 1], ["long", 100], ["none", None]], "title")
    assert text == "title\nname  cost\na        1\nlong   100\nnone     -\n"


def test_a_terminal_without_rich_gets_plain_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames and colours are rich's; the table is there without it, and so is progress."""
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    Console().table(["name", "cost"], [["a", 1]])
    assert capsys.readouterr().out != "name  cost\na        1\n"
    monkeypatch.setitem(sys.modules, "rich", None)
    Console().table(["name", "cost"], [["a", 1]])
    with Console().progress(1, "finetune") as report:
        report(1)
    assert capsys.readouterr() == ("name  cost\na        1\n", "finetune: 1 of 1\n")


def test_tables_and_json_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one JSON value and nothing else on stdout."""
    for as_json in (False, True):
        console = Console(as_json=as_json)
        console.table(["a"], [[1]])
        console.say("done")
        console.emit({"a": 1})
    out = capsys.readouterr().out
    assert out.startswith("a\n1\ndone\n")
    assert json.loads(out.removeprefix("a\n1\ndone\n")) == {"a": 1}


def test_progress_without_a_terminal_is_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines come at most every few seconds, and at the end, on stderr."""
    clock = iter([0.0, 1.0, 20.0, 21.0, 30.0])
    monkeypatch.setattr(console_module.time, "monotonic", lambda: next(clock))
    with Console().progress(4, "finetune") as report:
        for done in (1, 2, 3, 4):
            report(done, "best 3")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "finetune: 2 of 4, best 3, about 20 s left",
        "finetune: 4 of 4, best 3",
    ]


def test_the_estimate_does_not_count_what_was_done_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training that goes on at update 51 of 100 has done one update, not 51."""
    clock = iter([0.0, 60.0])
    monkeypatch.setattr(console_module.time, "monotonic", lambda: next(clock))
    with Console().progress(100, "finetune") as report:
        report(51)
    assert capsys.readouterr().err == "finetune: 51 of 100, about 49 min left\n"


def test_cells_and_remaining_time() -> None:
    """Floats have two decimals; minutes are used where seconds are many."""
    assert [cell(value) for value in (None, 1.234, 5, "x")] == ["-", "1.23", "5", "x"]
    assert eta(1, 10, 60.0) == "about 9 min left"
    assert eta(0, 10, 60.0) == eta(10, 10, 60.0) == ""
