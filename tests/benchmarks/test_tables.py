"""The tables: figures of all cases, and why some have none."""

from benchmarks.tables import markdown_text
from support.jacobian_records import ENVIRONMENT, case, content, ratio


def text_of(*contents: dict) -> str:
    """The whole text."""
    return markdown_text({each["task"]: each for each in contents}, ENVIRONMENT)


def test_head_tells_where_it_was_measured() -> None:
    """Machine, versions, commit, code and flags stand above the tables."""
    text = text_of(content("mlp", case()))
    assert text.startswith("# Jacobians on Some GPU\n")
    for words in ("python 3.12.1, jax 0.11.2; commit abc, code 0123; driver 580.1", "--flag=1"):
        assert words in text


def test_ratios_are_against_the_better_mode() -> None:
    """With their intervals; a contender that is missing in a case has a dash."""
    other = case(0.5, batch=8, wanted=8)
    other["ratios"]["jacrev"]["structured"] = ratio(3.0)
    text = text_of(content("mlp", case(2.0)), content("kerr_metric", other))
    assert "| task | dtype | layout | batch | jacfwd us | jacrev us | ours us | best |" in text
    row = "| mlp | float32 | published | 512 | 4,000 | 2,000 | 1,000 | 2.00 (1.90 to 2.10) | - | 1"
    assert row in text
    assert "4,000 | 2,000 | 4,000 | 0.50 (0.40 to 0.60) | 3.00 (2.90 to 3.10) |" in text


def test_means_are_geometric() -> None:
    """Over the tasks with the same dtype, layout and wanted batch."""
    text = text_of(content("mlp", case(4.0)), content("kerr_metric", case(1.0, batch=256)))
    assert "| float32 | published | 512 | 2 | 2.00 |" in text


def test_programs_stand_side_by_side() -> None:
    """The better mode and ours: search, trace, compile, kernels, operations, memory."""
    found = {"best": {"seconds": 0.004, "found_by": "reverse"}}
    text = text_of(content("mlp", case(search=found)))
    row = "| jacrev | 4.00 | 200 / 300 | 600 / 500 | 3 | 1 | 9 / 3 | 2.00 / - | - / - |"
    assert row in text


def test_refused_cases_have_no_ratio() -> None:
    """The reason stands in the notes, the programs in their table."""
    text = text_of(content("mlp", case(ratios={}, refused="the machine is too noisy")))
    assert "- mlp, case 0: the machine is too noisy" in text
    assert "## Run times" not in text and "## Programs" in text


def test_wrong_values_show() -> None:
    """The names of wrong orders, the largest errors, and infinite ones as words."""
    errors = {"best": {"jacfwd": "inf", "jacrev": 1e-3}, "jacrev": {"jacfwd": 1e-15}}
    wrong = case(errors=errors, wrong=["best"], unchecked=["forward"])
    text = text_of(content("mlp", wrong))
    row = "| mlp | 512 | inf | 1.0e-03 | 1.0e-15 | NO: best; not compared: forward |"
    assert row in text
    assert "| yes |" in text_of(content("mlp", case(wrong=[], unchecked=[])))
    assert "Values in float64" not in text_of(content("mlp", case()))


def test_training_and_what_is_missing() -> None:
    """Trainings have a table; all that failed or was left out is listed once, with its reason."""
    training = {"episodes": 32, "updates": 2, "first_seconds": 9.0}
    training |= {"update_seconds": 1.0, "eliminations_per_second": 100.0}
    training |= {"played_per_second": 300.0, "played_in_one_thread": 200.0}
    absent = {"asdex": "not installed"}
    some = case(batch=4, absent=absent, failed={"hessian": "no such thing"})
    text = text_of(
        content("mlp", training, some, later="no time"), content("x", case(absent=absent))
    )
    assert "| mlp | 32 | 2 | 9.00 | 1.00 | 100.00 | 300.00 | 200.00 |" in text
    assert text.endswith(
        "- mlp, case 1, hessian: no such thing\n"
        "- mlp, case 1: batch 4 is the largest that fits\n"
        "- mlp, later: no time\n"
        "- asdex: not installed (mlp, x)\n"
    )


def test_failed_cases_are_notes() -> None:
    """A case without figures does not stop the tables."""
    text = text_of(content("mlp", {"failed": {"all": "MemoryError: full"}, "case_seconds": 1.0}))
    assert "- mlp, case 0, all: MemoryError: full" in text and "##" in text
