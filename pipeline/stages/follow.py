"""Follows a training while it runs."""

from elimax.models.checkpoint import save_training
from elimax.models.training import Metrics, TrainingState
from elimax.pipeline.checkout.resume import Checkpoint
from elimax.pipeline.console import Report
from elimax.pipeline.tracking import Tracker

SHOWN = ("costs/best", "costs/mean", "validation/ratio", "losses/total")
"""Metrics that a user sees while a training runs, if it has them."""


class Follower:
    """Follows a training: mirrors its curve, shows its progress, stores its state.

    Args:
        tracker: Gets every row of the curve, including those before an interruption.
        report: Shows the progress.
        checkpoint: Where the state goes.
        state: The state that the training resumes from, or None.
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
        """Records one update.

        Args:
            update: Its number, from 1.
            metrics: Its row of the curve.
            state: Everything needed to resume from here.
        """
        self._tracker.log(metrics)
        self._checkpoint.save(lambda path: save_training(path, state))
        shown = (f"{name} {metrics[name]:.4g}" for name in SHOWN if name in metrics)
        self._report(update, ", ".join(shown))
