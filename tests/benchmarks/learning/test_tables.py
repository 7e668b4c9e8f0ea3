"""The tables from made-up lines, whose figures are worked out by hand."""

from benchmarks.learning.scores import Scores
from benchmarks.learning.tables import (
    anytime_table,
    blocks,
    markdown_text,
    paired_table,
    profile_table,
    zero_shot_table,
)
from support.learning_lines import line, one_shot, timed


def test_zero_shot() -> None:
    """The interquartile mean of 0, 2, 4 and 50 % is 3 %; the policy is costlier than rules once."""
    columns, rows = zero_shot_table(Scores(one_shot(), "all"))
    assert columns[:4] == ["set", "programs", "method", "IQM gap %"]
    assert [row[:4] for row in rows] == [
        ["small", "4", "three_rules", "20.00"],
        ["small", "4", "all_rules", "10.00"],
        ["small", "4", "policy_greedy", "3.00"],
    ]
    assert rows[0][4:] == ["20.00 to 20.00", "100", "0", "0.020"]
    assert rows[1][4:] == ["10.00 to 10.00", "100", "100", "0.040"]
    assert rows[2][5:] == ["75", "75", "0.100"]
    low, high = map(float, rows[2][4].split(" to "))
    assert low < 3.0 < high


def test_profile() -> None:
    """Shares of programs at the best known cost, and within 1, 2, 5 and 10 % of it."""
    columns, rows = profile_table(Scores(one_shot(), "all"))
    assert columns[3:] == ["<= 0 %", "<= 1 %", "<= 2 %", "<= 5 %", "<= 10 %"]
    assert rows[-1] == ["small", "4", "policy_greedy", "25", "25", "50", "75", "75"]
    assert rows[1][3:] == ["0", "0", "0", "0", "100"]


def test_methods_are_compared_on_the_same_programs() -> None:
    """What failed for one is left out for all, and the table says so."""
    lines = [x for x in one_shot() if (x["program"], x["method"]) != ("d", "policy_greedy")]
    _, rows = zero_shot_table(Scores([*lines, line("d", "policy_greedy")], "all"))
    assert [row[1] for row in rows] == ["3 of 4"] * 3
    assert rows[2][3] == "2.00" and rows[2][5:7] == ["100", "100"]
    text = markdown_text([*lines, line("d", "policy_greedy")])
    assert text.endswith("- small/d, policy_greedy: StructureLimitError: too many\n")


def test_without_the_rules_nothing_is_compared_with_them() -> None:
    """A dash in Markdown."""
    lines = [x for x in one_shot() if x["method"] != "all_rules"]
    _, rows = zero_shot_table(Scores(lines, "all"))
    assert [row[5:7] for row in rows] == [["100", None], ["75", None]]


def test_groups_and_all_together() -> None:
    """Sets, then all of one kind; arrays apart."""
    lines = [
        line("a", "all_rules", (0.1, 1)),
        line("b", "all_rules", (0.1, 1), set="tasks"),
        line("c", "all_rules", (0.1, 1), set="tasks", arrays=True),
        line("d", "all_rules", (0.1, 1), set="ecosystem", arrays=True),
    ]
    labels = [(label, len(groups)) for label, groups in blocks(Scores(lines, "all"))]
    assert labels == [
        ("small", 1), ("tasks", 1), ("ecosystem, arrays", 1), ("tasks, arrays", 1),
        ("all scalars", 2), ("all arrays", 2),
    ]  # fmt: skip
    _, rows = zero_shot_table(Scores(lines, "all"))
    assert rows[-1] == [
        "all arrays",
        "2",
        "all_rules",
        "0.00",
        "0.00 to 0.00",
        None,
        "100",
        "0.200",
    ]


def test_anytime() -> None:
    """Mean gaps at the checkpoints up to the limit; what needs no time limit stays as it is."""
    lines = [*timed("a", 100, 110), *timed("b", 120, 110)]
    lines += [line("a", "all_rules", (0.5, 150)), line("b", "all_rules", (0.05, 150))]
    columns, rows = anytime_table(Scores(lines, "all"))
    assert columns == ["set", "programs", "method", "0.1 s", "1 s", "10 s"]
    assert rows == [
        ["small", "2", "all_rules", None, "50.00", "50.00"],
        ["small", "2", "annealing", "100.00", "10.00", "10.00"],
        ["small", "2", "policy_annealing", "100.00", "10.00", "10.00"],
    ]
    assert anytime_table(Scores(one_shot(), "all"))[1] == []


def test_paired() -> None:
    """The mean difference, its interval, and who is lower on how many programs."""
    lines = [*timed("a", 100, 110), *timed("b", 108, 109), *timed("c", 105, 105)]
    columns, rows = paired_table(Scores(lines, "all"))
    assert columns[2:4] == ["seconds", "difference"] and columns[5:] == ["lower", "equal", "higher"]
    assert rows[0] == ["small", "3", "0.1", "+0.00", "+0.00 to +0.00", 0, 3, 0]
    assert rows[1] == ["small", "3", "1", "-3.67", "-10.00 to +0.00", 2, 1, 0]
    assert [row[2] for row in rows] == ["0.1", "1", "10"]


def test_pairs_are_means_over_seeds() -> None:
    """Two runs of a program are one pair."""
    lines = [*timed("a", 100, 110), *timed("a", 130, 110, seed=1)]
    _, rows = paired_table(Scores(lines, "all"))
    assert rows[1][1:] == ["1", "1", "+5.00", "+5.00 to +5.00", 0, 0, 1]


def test_no_pairs() -> None:
    """Without both methods, and at times at which one has no order."""
    assert paired_table(Scores(one_shot(), "all"))[1] == []
    late = [
        line("a", "policy_annealing", (2.0, 100), budget=10.0),
        line("a", "annealing", (0.1, 100), budget=10.0),
    ]
    assert [row[2] for row in paired_table(Scores(late, "all"))[1]] == ["10"]


def test_text() -> None:
    """Where it was measured, one section for each count, no empty tables."""
    other = [{**x, "count": "nontrivial"} for x in one_shot()[:4]]
    text = markdown_text([*one_shot(), *other, *timed("e", 100, 110)[:2]])
    assert "Some CPU, 2 cores; jax 0.10.2, python 3.11.7; policy 0123." in text
    assert "a long annealing is among them for 5 of 6 programs. 22 runs." in text
    both, nontrivial = text.split('## Multiplications, count "nontrivial"')
    assert '## Multiplications, count "all"' in both
    assert "### Policy with annealing minus annealing" in both
    assert "### Policy with annealing minus annealing" not in nontrivial
    assert "Not possible" not in text
    assert "| small | 1 | policy_greedy | 0.00 | 0.00 to 0.00 | 100 | 100 | 0.100 |" in nontrivial


def test_either_long_annealing_is_a_reference() -> None:
    """Together they are counted once for a program."""
    lines = [line(name, "annealing_longest", (9.0, 100)) for name in "ab"]
    lines += [line("a", "annealing_long", (9.0, 101)), line("c", "all_rules", (0.1, 100))]
    assert "a long annealing is among them for 2 of 3 programs." in markdown_text(lines)


def test_no_lines() -> None:
    """No tables."""
    assert "0 runs" in markdown_text([])
