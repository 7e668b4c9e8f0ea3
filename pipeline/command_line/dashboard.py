"""Command dashboard: a W&B workspace and report as code, published if the user is logged in.

Building the objects needs no network, so that tests can inspect them; publishing needs an account.
"""

import importlib
import os
import warnings
from typing import Any

from elimax.pipeline.errors import PipelineError
from elimax.pipeline.extras import require_package
from elimax.pipeline.tracking import EVALUATE_STEP, PRETRAIN_STEP, PROJECT, STEP

TITLE = "elimax: orders, policies, run times"

FINETUNING = (
    ("Lowest cost so far", ("costs/best",)),
    ("Cost of the greedy order", ("costs/greedy",)),
    ("Mean cost of the games", ("costs/mean",)),
    ("Entropy of the policy", ("losses/entropy",)),
    ("Change of the policy", ("losses/approx_kl", "losses/clipfrac")),
    ("Updates without improvement", ("charts/waited",)),
)
PRETRAINING = (
    ("Greedy cost / annealing, unseen programs", ("validation/ratio",)),
    ("Regret", ("losses/regret",)),
    ("Lessons", ("charts/lessons",)),
)
EVALUATION = (
    (
        "Speed relative to JAX's better mode, by XLA and as a kernel",
        ("speedup/best", "speedup/native"),
    ),
    ("Microseconds per call", ("microseconds/best", "microseconds/jacfwd", "microseconds/jacrev")),
)
SECTIONS = (
    ("Finetuning", STEP, FINETUNING),
    ("Pretraining", PRETRAIN_STEP, PRETRAINING),
    ("Evaluation", EVALUATE_STEP, EVALUATION),
)

STAGES = ("finetune", "pretrain", "evaluate", "search")
"""The stages whose runs the sections show; the last one is that of the orders."""


def build_workspace(entity: str, project: str) -> Any:
    """Builds the workspace: one section for each training, and one for run times.

    Args:
        entity: User or team; empty for the user's own.
        project: The project.

    Returns:
        A `wandb_workspaces.workspaces.Workspace`, not yet saved.

    Raises:
        MissingPackageError: If wandb-workspaces is not installed.
    """
    workspaces = _load("workspaces")
    sections = [
        workspaces.Section(name=name, panels=_panels(step, charts), is_open=True)
        for name, step, charts in SECTIONS
    ]
    sections.append(workspaces.Section(name="Orders", panels=_order_panels(), is_open=True))
    return workspaces.Workspace(entity=entity, project=project, name=TITLE, sections=sections)


def build_report(entity: str, project: str) -> Any:
    """Builds the report: what the figures mean, and the panels of the workspace below each part.

    Args:
        entity: User or team; empty for the user's own.
        project: The project.

    Returns:
        A `wandb_workspaces.reports.v2.Report`, not yet saved.

    Raises:
        MissingPackageError: If wandb-workspaces is not installed.
    """
    reports = _load("reports.v2")
    runs = {
        stage: reports.Runset(
            entity=entity, project=project, name=stage, filters=f"JobType = '{stage}'"
        )
        for stage in STAGES
    }
    blocks: list[Any] = [
        reports.P(
            "Costs are numbers of scalar multiplications of vertex elimination; lower is better. "
            "Every Jacobian is checked against JAX in float64 before it is timed."
        )
    ]
    for (name, step, charts), stage in zip(SECTIONS, STAGES, strict=False):
        grid = reports.PanelGrid(runsets=[runs[stage]], panels=_panels(step, charts))
        blocks += [reports.H2(name), grid]
    grid = reports.PanelGrid(runsets=[runs["search"]], panels=_order_panels())
    blocks += [reports.H2("Orders"), grid]
    return reports.Report(
        entity=entity, project=project, title=TITLE, description="Made by elimax dashboard",
        blocks=blocks,
    )  # fmt: skip


def publish(entity: str, project: str | None = None) -> dict[str, str]:
    """Saves workspace and report on the server.

    Args:
        entity: User or team; empty for the user's own.
        project: The project; None takes that of the environment, or elimax.

    Returns:
        Their addresses.

    Raises:
        MissingPackageError: If wandb-workspaces is not installed.
        PipelineError: If the user is not logged in, or the server does not answer.
    """
    project = project or os.environ.get("WANDB_PROJECT", PROJECT)
    workspace, report = build_workspace(entity, project), build_report(entity, project)
    try:
        workspace.save()
        report.save()
    except Exception as error:  # Whatever the server or a missing login raises.
        reason = " ".join(str(error).split())[:200]
        raise PipelineError(
            f"the dashboard could not be published ({type(error).__name__}: {reason}): log in with "
            "wandb login, and check the network"
        ) from error
    return {"workspace": workspace.url, "report": report.url}


def _load(module: str) -> Any:
    """Loads a module of wandb-workspaces, which warns about its own use of pydantic."""
    require_package("wandb_workspaces", "elimax dashboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(f"wandb_workspaces.{module}")


def _panels(step: str, charts: tuple[tuple[str, tuple[str, ...]], ...]) -> list[Any]:
    reports = _load("reports.v2")
    return [
        reports.LinePlot(title=title, x=step, y=list(columns), smoothing_type="none")
        for title, columns in charts
    ]


def _order_panels() -> list[Any]:
    reports = _load("reports.v2")
    return [
        reports.BarPlot(title="Multiplications of the best order", metrics=["all", "nontrivial"]),
        reports.MediaBrowser(title="Graphs", media_keys=["graph"]),
        reports.WeavePanelSummaryTable(table_name="candidates"),
        reports.WeavePanelSummaryTable(table_name="best_order"),
    ]
