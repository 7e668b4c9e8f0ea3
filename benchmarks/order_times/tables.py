"""What the times of many orders show: which figure of an order predicts its time."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from elimax.interpreter.graph.price import Work
from elimax.pipeline.pages.report_tables import Table
from elimax.pipeline.stages.rivals import RIVALS

Record = Mapping[str, Any]

FIGURES: Mapping[str, Callable[[Record], float]] = {
    "all": lambda record: record["all"],
    "nontrivial": lambda record: record["nontrivial"],
    "nontrivial + additions": lambda record: record["nontrivial"] + record["additions"],
    "price": lambda record: record["price"],
    "executed": lambda record: record["flops"],
}
"""What is compared with the times: counts, the price, and the operations that XLA reports."""

FAR = 1.2
"""Times of orders differ enough to be compared if the slowest takes this many times longer."""


def orders_of(records: Sequence[Record]) -> list[Record]:
    """The records of eliminations that were timed."""
    return [x for x in records if "seconds" in x and x["name"] not in RIVALS]


def slowest(records: Sequence[Record]) -> float:
    """How many times longer the slowest order takes than the fastest."""
    seconds = [record["seconds"] for record in records]
    return max(seconds) / min(seconds)


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None where one of them does not vary."""
    if len(set(xs)) < 2 or len(set(ys)) < 2:
        return None
    return float(np.corrcoef(_ranks(xs), _ranks(ys))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Places in sorted order, equal values at the mean of theirs."""
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(sizes) - (sizes - 1) / 2)[place]


def correlations(records: Sequence[Record]) -> dict[str, float | None]:
    """Rank correlations of figures of orders with their times, and of counts with operations.

    Args:
        records: Those of one task and set of flags.

    Returns:
        By name in `FIGURES`; under "counts", that of nontrivial multiplications with the
        operations that are executed.
    """
    ours = orders_of(records)
    seconds = [record["seconds"] for record in ours]
    found = {
        name: rank_correlation([figure(record) for record in ours], seconds)
        for name, figure in FIGURES.items()
    }
    nontrivial = [record["nontrivial"] for record in ours]
    return {**found, "counts": rank_correlation(nontrivial, [x["flops"] for x in ours])}


def times_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """Shows how far the times of orders are apart, and what predicts them.

    Args:
        results: The files of one set of flags, one per task.

    Returns:
        Headings and rows: the task, batch, number of orders; time of the slowest, of the better of
        forward and reverse, and of JAX's better mode, each in units of the fastest order; rank
        correlations. The last row has medians over tasks whose slowest order takes `FAR` times
        longer than the fastest.
    """
    rows: list[list[Any]] = []
    told_apart = []
    for result in results:
        ours, by_name = orders_of(result["records"]), {x["name"]: x for x in result["records"]}
        fastest = min(record["seconds"] for record in ours)
        spread = slowest(ours)
        own = [by_name[x]["seconds"] for x in ("forward", "reverse") if "seconds" in by_name[x]]
        modes = [by_name[x]["seconds"] for x in RIVALS if "seconds" in by_name.get(x, {})]
        found = list(correlations(result["records"]).values())
        if spread >= FAR:
            told_apart.append(found)
        ratios = [spread, *(min(x) / fastest if x else None for x in (own, modes))]
        rows.append([result["task"], result["batch"], len(ours), *ratios, *found])
    if told_apart:
        medians = [_median(column) for column in zip(*told_apart, strict=True)]
        rows.append([f"median of {len(told_apart)}", None, None, None, None, None, *medians])
    names = ["task", "batch", "orders", "slowest", "forward, reverse", "JAX"]
    return [*names, *FIGURES, "count and executed"], rows


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def fit(results: Sequence[Mapping[str, Any]], weights: Sequence[Work]) -> Table:
    """Tries weights for the price.

    Args:
        results: Files of tasks with arrays; those whose orders are not `FAR` apart are left out.
        weights: What entries and products weigh, in units of a multiplication; `arithmetic` is 1.

    Returns:
        Headings and rows, the best weights first: entry, product, the mean over the files of the
        rank correlation of price and time, and the lowest one.
    """
    rows = []
    for weight in weights:
        found = []
        for result in results:
            ours = orders_of(result["records"])
            if slowest(ours) < FAR:
                continue
            prices = [
                x["arithmetic"] + weight.entries * x["entries"] + weight.products * x["products"]
                for x in ours
            ]
            rho = rank_correlation(prices, [record["seconds"] for record in ours])
            found += [] if rho is None else [rho]
        if found:
            rows.append([weight.entries, weight.products, float(np.mean(found)), min(found)])
    rows.sort(key=lambda row: -row[2])
    return ["entry", "product", "mean correlation", "lowest"], rows
