"""Learning on the page of the report."""

from elimax.pipeline.pages.bar_charts import Bar
from elimax.pipeline.pages.report_learning import (
    finetune_chart,
    learning_sections,
    pretrain_chart,
    zero_shot_bars,
)
from support.report_examples import collected, summary


def test_first_orders_are_compared_with_the_best() -> None:
    """In percent; an order as good as the best known one says so."""
    summaries = {"a": summary(), "b": summary()}
    pretrained = {"a": {"all": 10, "nontrivial": 4}, "b": {"all": 8, "nontrivial": 4}}
    assert zero_shot_bars(pretrained, summaries, "all") == [
        Bar("a", 25.0, "+25.0 %"),
        Bar("b", 0.0, "best known"),
    ]


def test_curves_have_points_and_levels() -> None:
    """One update is a visible dot."""
    curve = collected()["curves"]["a"]
    chart = finetune_chart(curve, summary(), "all")
    assert "best classic 10" in chart and chart.count("<circle") == 2
    assert pretrain_chart(curve).count("<circle") == 1


def test_the_section_has_all_charts() -> None:
    """First orders, pretraining, one for each task."""
    assert "".join(learning_sections(collected(), "all")).count("<svg") == 3
