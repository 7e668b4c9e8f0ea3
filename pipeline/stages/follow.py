"""Follows a training while it runs."""

from elimax.models.checkpoint import save_training
from elimax.models.training import Metrics, TrainingState
from elimax.pipeline.checkout.resume import Checkpoint
from elimax.pipeline.console import Report
from elimax.pipeline.tracking import Tracker

SHOWN = ("costs/best", "costs/mean", "validation/ratio", "losses/total")
"""Metrics that a user sees while a training runs, those that there are."""


class Follower:
    """Follows a training: mirrors its curve, shows its progress, stores its state.

    Args:
        tracker: Gets every row of the curve, also those before a stop.
        report: Shows the progress.
        checkpoint: Where the state goes.
        state: The state that the training goes on from, or None.
    """

    def __init__(
        self,
        tracker: Tracker,
        report: Report,
        checkpoint: Checkpoint,
        state: TrainingState | None,
    ) -> None:
        self._tracker = tracker
        self._report = report
        self._checkpoint = checkpoint
        for row in state.curve if state is not None else ():
            tracker.log(row)

    def __call__(self, update: int, metrics: Metrics, state: TrainingState) -> None:
        """Takes note of one update.

        Args:
            update: Its number, from 1.
            metrics: Its row of the curve.
            state: All that is needed to go on from here.
        """
        self._tracker.log(metrics)
        self._checkpoint.save(lambda path: save_training(path, state))
        shown = (f"{name} {metrics[name]:.4g}" for name in SHOWN if name in metrics)
        self._report(update, ", ".join(shown))
