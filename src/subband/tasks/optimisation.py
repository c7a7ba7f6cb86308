"""Optimiser and learning rate of a run."""

import math
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from subband.config import Optim
from subband.losses.recognition.uniface import UniFace
from subband.tasks.plan import Plan


def make_optimizer(model: nn.Module, optim: Optim, *, loss: nn.Module | None = None) -> torch.optim.Optimizer:
    """Optimiser of the network's weights; the ``encoder`` has a group of its own where the head's rate differs.

    What a loss learns, such as a bias or the classes of a head, is in a group of its own. ``optim.decayed`` says which
    of all these have weight decay. Classes that a head has not drawn in a batch do not move.

    Raises:
        ValueError: If the head's rate differs and the network has no ``encoder``.
    """
    groups = parameter_groups(model, optim)
    learnt = [] if loss is None else list(loss.parameters())
    groups += [{"params": learnt, **({"weight_decay": 0.0} if optim.decayed == "network" else {})}] if learnt else []
    if optim.decayed == "weights":
        groups = [part for group in groups for part in halves(group)]
    made: torch.optim.Optimizer
    if optim.name == "sgd":
        made = torch.optim.SGD(groups, optim.lr, momentum=0.9, weight_decay=optim.weight_decay)
    else:
        kind = torch.optim.AdamW if optim.name == "adamw" else torch.optim.Adam
        made = kind(groups, optim.lr, weight_decay=optim.weight_decay)
    if isinstance(loss, UniFace) and loss.sample < 1:
        loss.only_sampled_rows(made)
    return made


def halves(group: dict[str, Any]) -> list[dict[str, Any]]:
    """A group without its biases and norms, and these without weight decay; a part that is empty is left out."""
    weights = [parameter for parameter in group["params"] if parameter.ndim > 1]
    rest = [parameter for parameter in group["params"] if parameter.ndim <= 1]
    parts = [{**group, "params": weights}, {**group, "params": rest, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]


def parameter_groups(model: nn.Module, optim: Optim) -> list[dict[str, Any]]:
    """All parameters, or those of the encoder and then the others with ``head_lr_factor`` times the rate.

    Raises:
        ValueError: If the head's rate differs and the network has no ``encoder``.
    """
    if optim.head_lr_factor == 1:
        return [{"params": list(model.parameters())}]
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ValueError(f"optim.head_lr_factor needs a network with an encoder, but {type(model).__name__} has none")
    within = {id(parameter) for parameter in encoder.parameters()}
    head = [parameter for parameter in model.parameters() if id(parameter) not in within]
    return [
        {"params": list(encoder.parameters()), "lr": optim.lr},
        {"params": head, "lr": optim.lr * optim.head_lr_factor},
    ]


def make_schedule(optimizer: torch.optim.Optimizer, plan: Plan) -> lr_scheduler.LRScheduler:
    """Schedule that moves in every step."""
    optim = plan.optim
    if optim.schedule == "onecycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=plan.steps + 1, cycle_momentum=False)
    per_epoch = plan.epoch_items / plan.batch
    if optim.schedule in ("constant", "step") and not optim.warmup_epochs and not optim.milestones:
        size = max(1, round(optim.step_epochs * per_epoch)) if optim.schedule == "step" else plan.steps + 1
        return lr_scheduler.StepLR(optimizer, size, optim.gamma)
    return lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_factor(optim, step, steps=plan.steps, per_epoch=per_epoch)
    )


def rate_factor(optim: Optim, step: int, *, steps: int, per_epoch: float) -> float:
    r"""Part of ``optim.lr`` in a step.

    .. math:: \min(1, s / w) \cdot (1 - s / S)^p, \qquad \min(1, s / w) \cdot \tfrac12 (1 + \cos(\pi s / S))

    for ``poly`` and ``cosine``, with step s of S and w steps of warm-up.

    Args:
        optim: Schedule, its power, its warm-up in epochs.
        step: s, from 0.
        steps: S.
        per_epoch: Steps in an epoch, not rounded.

    Returns:
        A number in [0, 1].

    Source:
        LiQiufu/WaveSNet, ``utils/lr_scheduler.py``; LiQiufu/WaveCNet, ``main.py``, with ``after_warmup``.

    Example:
        >>> rate_factor(Optim(schedule="poly", power=1.0), 25, steps=100, per_epoch=10)
        0.75
        >>> rate_factor(Optim(schedule="cosine", warmup_epochs=2), 10, steps=10, per_epoch=10)
        0.0
        >>> late = Optim(schedule="poly", power=1.0, warmup_epochs=2, after_warmup=True)
        >>> rate_factor(late, 60, steps=100, per_epoch=10)
        0.5
        >>> rate_factor(Optim(schedule="step", milestones=[1, 3], gamma=0.5), 30, steps=100, per_epoch=10)
        0.25
    """
    begin = optim.warmup_epochs * per_epoch
    warm = min(1.0, step / begin) if begin else 1.0
    since = max(0.0, step - begin) if optim.after_warmup else step
    part = min(1.0, since / max(1.0, steps - begin if optim.after_warmup else steps))
    if optim.schedule == "poly":
        return warm * math.pow(1 - part, optim.power)
    if optim.schedule == "cosine":
        return warm * (1 + math.cos(math.pi * part)) / 2
    if optim.schedule == "constant":
        return warm
    changes = since // max(1, round(optim.step_epochs * per_epoch))
    if optim.milestones:
        changes = sum(step >= round(epoch * per_epoch) for epoch in optim.milestones)
    return warm * math.pow(optim.gamma, changes)
