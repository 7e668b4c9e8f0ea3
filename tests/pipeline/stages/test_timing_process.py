"""Cases are timed in processes of their own, which may crash."""

import sys
from pathlib import Path

import numpy as np
import pytest

from elimax.interpreter.orders import reverse_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages.evaluate_timings import Case, EvaluateConfig, timed_orders
from elimax.pipeline.stages.timing_process import TOO_LONG, time_cases
from elimax.pipeline.tasks import load_task
from elimax.pipeline.xla_flags import FlagSet

MODULE = """
import os, signal
import jax.numpy as jnp
import numpy as np

def sine(x):
    print("printed while it is traced")
    fusing = "multi_output_fusion" in os.environ.get("XLA_FLAGS", "")
    if fusing and x.dtype == "float64" and os.environ.get("CRASH"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return jnp.sin(x) * (2.0 if fusing else 1.0)

def sine_example_inputs():
    if os.environ.get("LOST"):
        raise OSError("no such file")
    return (np.float32(1.0),)
"""

SOME = EvaluateConfig(rounds=1, seconds=0.1)


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The orders of a function in a module that only this process knows where to find."""
    (tmp_path / "timed_functions.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timed_functions", raising=False)
    graph = trace(load_task("timed_functions:sine").function, np.float32(1.0))
    names = ("forward", "reverse", "markowitz", "markowitz_high", "best", "fewest_nontrivial")
    order = reverse_order(graph)
    counts = {name: {"all": 0, "nontrivial": 0} for name in ("markowitz", "markowitz_high")}
    return timed_orders(dict.fromkeys(names, order), counts)


def cases(*flags: FlagSet) -> list[Case]:
    """Three cases for each set of flags, the second one in float64."""
    dtypes = ("float32", "float64", "float32")
    return [Case(dtype, "published", 2 + k, f) for f in flags for k, dtype in enumerate(dtypes)]


@pytest.mark.slow
def test_a_crash_costs_one_case(orders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases before and after it are timed, in the order in which they were asked for."""
    monkeypatch.setenv("CRASH", "1")
    wanted = cases("default", "fusion")
    records = list(time_cases("timed_functions:sine", orders, wanted, SOME, 0))
    assert [case for case, _ in records] == wanted
    reasons = [record.get("skipped") for _, record in records]
    assert reasons == [None] * 4 + ["XLA ended the process with SIGSEGV", None]
    for case, record in records:
        if "case" in record:
            assert {key: record["case"][key] for key in Case._fields} == case._asdict()
            assert set(record["case"]["ratios"]) == {"jacfwd", "jacrev"}


def test_compile_time_is_capped(orders) -> None:
    """Cases that do not fit into the time are named, not silently left out."""
    config = EvaluateConfig(rounds=1, seconds=0.1, compile_seconds=0.0)
    records = [
        r for _, r in time_cases("timed_functions:sine", orders, cases("default"), config, 0)
    ]
    assert "case" in records[0] and records[1:] == [{"skipped": TOO_LONG}] * 2


def test_a_task_that_cannot_be_loaded(orders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends with our own words, and with what the process said last where it has none."""
    monkeypatch.setenv("LOST", "1")
    with pytest.raises(StageError, match=r"example inputs of .* fail: OSError: no such file"):
        list(time_cases("timed_functions:sine", orders, cases("default"), SOME, 0))

    monkeypatch.delenv("LOST")
    monkeypatch.setenv("JAX_PLATFORMS", "none")
    with pytest.raises(StageError, match=r"times timed_functions:sine failed: .*none"):
        list(time_cases("timed_functions:sine", orders, cases("default"), SOME, 0))


def test_an_order_of_another_graph(orders) -> None:
    """Is an error of ours, not a rival that failed."""
    foreign = {name: order.__class__((1,), "0") for name, order in orders.items()}
    with pytest.raises(StageError, match="was made for the graph 0"):
        list(time_cases("timed_functions:sine", foreign, cases("default"), SOME, 0))
