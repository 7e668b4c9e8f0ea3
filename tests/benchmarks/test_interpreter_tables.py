"""Tables of the interpreter benchmark, from results written by hand."""

from benchmarks.interpreter_summary import summarise
from benchmarks.interpreter_tables import (
    LOWEST,
    build_table,
    lowest_table,
    markdown_text,
    run_table,
)
from support.interpreter_results import case, content, ratio, task_result


def test_run_times() -> None:
    """Microseconds, ratios with their spread, memory of the better mode and of ours."""
    columns, rows = run_table({"mlp": task_result(case(2.0))})
    row = dict(zip(columns, rows[0], strict=True))
    assert (row["task"], row["layout"], row["batch"]) == ("mlp", "published", 512)
    assert (row["jacfwd us"], row["jacrev us"], row["dense us"]) == (4.0, 2.0, 1.0)
    assert (row["dense"], row["spread"], row["null"]) == (2.0, "2.00 to 2.00", "1.00 to 1.00")
    assert (row["JAX MB"], row["dense MB"], row["error"]) == (2.0, 1.0, "1e-07")
    assert row["assembled"] is None and row["others"] is None


def test_slow_contenders_are_marked() -> None:
    """A time of one call does not look like a median."""
    columns, rows = run_table({"mlp": task_result(case(2.0, called_once=["jacfwd"]))})
    row = dict(zip(columns, rows[0], strict=True))
    assert row["jacfwd us"] == "4.0 (1x)" and row["jacrev us"] == 2.0


def test_other_packages_stand_in_one_column() -> None:
    """Each with its ratio; JAX's modes and ours have columns of their own."""
    ratios = {"jacfwd": ratio(0.5), "dense": ratio(1.0), "hessian": ratio(1.25)}
    columns, rows = run_table({"mlp": task_result(case(1.0, ratios=ratios))})
    assert dict(zip(columns, rows[0], strict=True))["others"] == "hessian 1.25"


def test_lowest_ratios_come_first() -> None:
    """The cases to work on, in the order of their loss, and no more than are read."""
    cases = [case(1.0 + batch, batch=batch) for batch in range(LOWEST + 5)]
    columns, rows = lowest_table({"mlp": task_result(*reversed(cases))})
    assert columns[4] == "ratio"
    assert [row[4] for row in rows] == [1.0 + batch for batch in range(LOWEST)]
    assert rows[0] == ["mlp", "published", 0, "dense", 1.0, "1.00 to 1.00", "jacrev"]


def test_an_error_of_zero_is_shown() -> None:
    """Equal results differ by nothing; a dash means that nobody compared them."""
    columns, rows = run_table(
        {
            "mlp": task_result(
                case(2.0, errors={"dense": 0.0}),
                case(2.0, errors={"dense": 1e-8, "structured": 1e-3, "assembled": None}),
                case(2.0, errors={}),
            )
        }
    )
    assert [row[columns.index("error")] for row in rows] == ["0e+00", "1e-03", None]


def test_builds() -> None:
    """One row per layout, at the batch size where builds were repeated."""
    result = task_result(
        case(1.0, batch=1, trace_seconds={"jacfwd": 9.0, "jacrev": 9.0, "dense": 9.0}),
        case(1.0, builds=3),
    )
    columns, rows = build_table({"mlp": result})
    assert len(rows) == 1
    row = dict(zip(columns, rows[0], strict=True))
    assert (row["graph"], row["order"]) == (10.0, 20.0)
    assert (row["jacrev"], row["dense"], row["structured"]) == ("200 + 600", "300 + 500", None)
    assert (row["to faster"], row["by CPU"], row["to cheaper"]) == (1.0, 1.5, 2.0)


def test_text_says_what_was_left_out() -> None:
    """A reason that several tasks share is told once."""
    failed = {"structured": "ValueError: not available"}
    tasks = {
        "mlp": task_result(case(2.0, failed=failed), absent={"asdex": "not installed"}),
        "kerr_metric": task_result(case(2.0, failed=failed)),
    }
    result = content(**tasks)
    result["failed"] = {"lstm_rollout": "BrokenProcessPool: died"}
    text = markdown_text({**result, "summary": summarise(tasks)})
    assert "Measured on cpu (Some CPU), JAX 0.10.2, float32, orders auto." in text
    left_out = text.partition("## Left out")[2]
    assert "- structured: ValueError: not available (all tasks)\n" in left_out
    assert "- asdex: not installed (mlp)\n" in left_out
    assert "- lstm_rollout: BrokenProcessPool: died\n" in left_out


def test_nothing_left_out() -> None:
    """The section appears only where something was."""
    tasks = {"mlp": task_result(case(2.0))}
    assert "Left out" not in markdown_text({**content(**tasks), "summary": summarise(tasks)})
