"""The only file that imports Lightning: it trains a task, saves, resumes and keeps the best weights.

A training stream is a function of (seed, item), so a run goes on at item ``step * batch`` as if it had not stopped, on
any number of processes.
"""

import io
import logging
import math
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sized
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from subband._files import explain_failure, write_bytes
from subband.tasks._folder import read_csv, write_csv
from subband.tasks.optimisation import make_optimizer, make_schedule
from subband.tasks.plan import Fitted, Plan, Progress, Task

LOSS = "loss."
"""Before the names of a loss's own weights in ``best.pt``; only losses that learn have any."""
VALIDATED = ("mIoU", "mDice", "VI", "ARI", "accuracy", "AP50", "Dice")
COLUMNS = ("step", "train_loss", "lr", "ce_term", "mi_term", *(f"val_{name}" for name in VALIDATED))


def fit(
    task: Task, stream: Dataset[Any], plan: Plan, *, listen: Callable[[Progress], None] = lambda progress: None
) -> Fitted:
    """Train ``task`` on ``stream`` for ``plan.steps`` steps, from the last checkpoint if there is one.

    Under ``torchrun`` (``WORLD_SIZE`` > 1) the batch is shared by the processes.

    Raises:
        FloatingPointError: If the loss stops being finite.
        ValueError: If the batch cannot be shared evenly.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if plan.batch % world:
        raise ValueError(f"a batch of {plan.batch} cannot be shared by {world} processes; choose a multiple of {world}")
    adapter = _Adapter(task, stream, plan, listen)
    with _quiet():
        trainer = lightning.Trainer(
            max_steps=plan.steps,
            accelerator="auto",
            devices=int(os.environ.get("LOCAL_WORLD_SIZE", world)),
            num_nodes=world // int(os.environ.get("LOCAL_WORLD_SIZE", world)),
            strategy="ddp" if world > 1 else "auto",
            precision=plan.optim.precision,
            gradient_clip_val=plan.optim.clip or None,
            logger=_logger(plan),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            default_root_dir=plan.folder,
        )
        trainer.fit(adapter, ckpt_path=str(plan.last) if plan.last.exists() else None, weights_only=True)
    if adapter.failure:
        raise FloatingPointError(adapter.failure)
    median = statistics.median(adapter.times[2:] or adapter.times or [float("nan")])
    return Fitted(adapter.best_step, adapter.best_score, adapter.seconds, 1000 * median)


class _Adapter(lightning.LightningModule):
    """A task as Lightning sees it."""

    def __init__(self, task: Task, stream: Dataset[Any], plan: Plan, listen: Callable[[Progress], None]) -> None:
        super().__init__()
        self.model, self.loss = task.model, task.loss
        self.task, self.stream, self.plan, self.listen = task, stream, plan, listen
        self.best_step, self.best_score, self.seconds = 0, -float("inf"), 0.0
        self.times: list[float] = []
        self.rows: list[dict[str, Any]] = []
        self.validation: dict[str, float] = {}
        self.failure = ""

    def configure_optimizers(self) -> Any:
        """One optimiser, and a schedule that moves every step."""
        optimizer = make_optimizer(self.model, self.plan.optim, loss=self.loss)
        schedule = make_schedule(optimizer, self.plan)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches from the step that training has reached."""
        start = self.trainer.global_step
        steps = _Steps(self.plan, start, self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(
            self.stream,
            batch_sampler=steps,
            num_workers=self.plan.workers,
            persistent_workers=self.plan.workers > 0,
        )

    def on_train_start(self) -> None:
        """Read the log up to the checkpoint."""
        self.rows = [row for row in read_csv(self.plan.folder / "metrics.csv") if int(row["step"]) <= self.global_step]
        self.began = time.perf_counter() - self.seconds

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Tell the task where it is."""
        self.task.at_step(self.global_step, self.global_step * self.plan.batch // self.plan.epoch_items)
        self.started = time.perf_counter()

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor | None:
        """Return the loss of one batch."""
        self.terms = self.task.step(batch)
        return self.terms["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log, validate, save and tell the listener."""
        step = self.global_step
        loss = float(self.terms["loss"].detach())
        self.times.append(time.perf_counter() - self.started)
        if not math.isfinite(loss):
            self.failure = f"the loss became {loss} at step {step}; the run stops here"
            self.trainer.should_stop = True
            self.trainer.fit_loop.epoch_loop.max_steps = step
            return
        done = step >= self.plan.steps
        log_every = max(1, self.plan.steps // 200)
        row: dict[str, Any] = {}
        if step % log_every == 0 or done:
            row = {"step": step, "lr": f"{self.trainer.optimizers[0].param_groups[0]['lr']:.6g}"}
            row["train_loss"] = f"{loss:.6g}"
            row |= {name: f"{float(value.detach()):.6g}" for name, value in self.terms.items() if name in COLUMNS}
        if step % self.plan.validate_every == 0 or done:
            row = {"step": step, "train_loss": f"{loss:.6g}", **row, **self._validate(step)}
        if row:
            self.rows.append(row)
            for logger in self.loggers:
                logger.log_metrics({k: float(v) for k, v in row.items() if v not in ("", None)}, step)
        if step % self.plan.validate_every == 0 or done:
            self._save()
        self.listen(Progress(step, self.plan.steps, loss, self.validation))

    def _validate(self, step: int) -> dict[str, str]:
        """Validate on the first process, and keep the weights if they are the best, or if nothing validates."""
        if self.global_rank == 0:
            self.model.eval()
            with torch.no_grad():
                self.validation = self.task.validate()
            self.model.train()
            score = self.validation.get(self.plan.score, 0.0)
            if score > self.best_score or not self.validation:
                self.best_score, self.best_step = score, step
                content = io.BytesIO()
                learnt = {LOSS + name: value for name, value in self.loss.state_dict().items()}
                state = {**self.model.state_dict(), **learnt}
                torch.save({name: _held(value) for name, value in state.items()}, content)
                write_bytes(self.plan.best, content.getvalue())
        self.trainer.strategy.barrier()
        return {f"val_{k}": f"{v:.6g}" for k, v in self.validation.items() if f"val_{k}" in COLUMNS}

    def _save(self) -> None:
        if self.global_rank == 0:
            write_csv(self.plan.folder / "metrics.csv", COLUMNS, self.rows)
        partial = self.plan.last.with_suffix(".partial")
        with explain_failure(self.plan.last):
            partial.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.trainer.save_checkpoint(partial)
                if self.global_rank == 0:
                    partial.replace(self.plan.last)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what resuming needs beside the weights."""
        self.seconds = time.perf_counter() - self.began
        checkpoint["best"] = {"step": self.best_step, "score": self.best_score, "seconds": self.seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read it back."""
        best = checkpoint["best"]
        self.best_step, self.best_score, self.seconds = best["step"], best["score"], best["seconds"]


def _held(value: Any) -> Any:
    """A tensor on the CPU; what else a state holds, such as a network's options, as it is."""
    return value.detach().cpu() if isinstance(value, Tensor) else value


class _Steps(Sized):
    """Item numbers of each step from ``start`` on, this process's share. Lightning must not count them as epochs."""

    def __init__(self, plan: Plan, start: int, rank: int, world: int) -> None:
        self.plan, self.start, self.rank, self.share = plan, start, rank, plan.batch // world

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.plan.steps):
            first = step * self.plan.batch + self.rank * self.share
            yield list(range(first, first + self.share))

    def __len__(self) -> int:
        raise TypeError("training is counted in steps")


def _logger(plan: Plan) -> Any:
    if not plan.tensorboard:
        return False
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(plan.folder, name="", version="tensorboard")


class _quiet(warnings.catch_warnings):  # noqa: N801
    """Silence Lightning's advice and greetings while it runs."""

    def __enter__(self) -> Any:
        result = super().__enter__()
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*(lr_scheduler.step|litlogger|srun|isinstance\\(treespec).*")
        self.level = logging.getLogger("lightning.pytorch").level
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        return result

    def __exit__(self, *details: Any) -> None:
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(self.level)
        super().__exit__(*details)
