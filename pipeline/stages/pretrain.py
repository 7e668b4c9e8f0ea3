"""Stage pretrain: trains one policy for all graphs."""

import dataclasses
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from elimax.models.checkpoint import load_training, save_policy
from elimax.models.pretrain_config import PretrainConfig
from elimax.models.pretraining import PretrainResult, pretrain
from elimax.models.processes import wait_for_all
from elimax.models.training import TrainingState
from elimax.pipeline.checkout.configs import build
from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.files import write_csv, write_errors, write_json
from elimax.pipeline.checkout.params import section
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.checkout.resume import Checkpoint, checkpoint_of
from elimax.pipeline.stages.follow import Follower
from elimax.pipeline.tracking import track


def pretrain_config(context: StageContext) -> PretrainConfig:
    """Reads section `pretrain`.

    Raises:
        ParamsError: If a key or a value is wrong.
    """
    values = section(context.params, "pretrain")
    return build(PretrainConfig, {"count": context.count, **values}, "pretrain")


def run_stage(context: StageContext) -> dict[str, Any]:
    """Runs pretrain: writes the policy, its learning curve and its metrics.

    If it fails, the earlier files are still there. Of several processes, the first one writes; the
    others only help to compute.

    Args:
        context: Files, parameters, console.

    Returns:
        The metrics.

    Raises:
        ElimaxError: If the training diverges, or a file cannot be written.
    """
    layout, config = context.layout, pretrain_config(context)
    if jax.process_index() > 0:
        state = _checkpoint(context, config).load(partial(_read_state, context, config))
        wait_for_all("pretrain")
        return dict(pretrain(config, seed=context.seed, resume=state).metrics)
    with stage_process(layout, "pretrain"):
        metrics = _train(context, config)
    context.console.say(f"wrote {layout.shown(layout.pretrained_policy)}")
    return metrics


def _checkpoint(context: StageContext, config: PretrainConfig) -> Checkpoint:
    # Programs are drawn from these packages, and lessons only fit the programs they were made of.
    versions = {name: metadata.version(name) for name in ("equinox", "numpy", "optax")}
    depends_on = {"params": dataclasses.asdict(config), "seed": context.seed, "versions": versions}
    return checkpoint_of(context.layout, "pretrain", None, depends_on)


def _read_state(context: StageContext, config: PretrainConfig, path: Path) -> TrainingState:
    return load_training(path, config.policy, seed=context.seed)


def _train(context: StageContext, config: PretrainConfig) -> dict[str, Any]:
    layout = context.layout
    checkpoint = _checkpoint(context, config)
    state = checkpoint.load(partial(_read_state, context, config))
    # All processes have read the checkpoint before this one writes another.
    wait_for_all("pretrain")
    run_config = {"params": dataclasses.asdict(config), "seed": context.seed}
    with (
        track(layout, "pretrain", config=run_config) as tracker,
        context.console.progress(len(config.phases), "pretrain") as report,
    ):
        on_update = Follower(tracker, report, checkpoint, state)
        result = pretrain(config, seed=context.seed, on_update=on_update, resume=state)
        metrics = _write(context, result, config)
        tracker.summary(metrics)
        tracker.artifact(layout.pretrained_policy, "policy-pretrained", "policy")
    checkpoint.remove()
    return metrics


def _write(context: StageContext, result: PretrainResult, config: PretrainConfig) -> dict[str, Any]:
    layout = context.layout
    with write_errors(layout.pretrained_policy):
        save_policy(
            layout.pretrained_policy, result.policy, {"stage": "pretrain", "count": config.count}
        )
    write_csv(layout.pretrain_curve, result.curve)
    write_json(layout.pretrain_metrics, result.metrics)
    return dict(result.metrics)
