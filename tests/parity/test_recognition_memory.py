"""Heads with a memory against the authors' own code: losses, gradients and state after the step."""

import csv
import json

import numpy as np
import pytest
import torch

from subband.losses.recognition.arcface import ArcFace
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.s2s import S2SBCE, S2SSoftmax
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS

FAMILIES = ["uss", "s2s_bce", "s2s_softmax", "unitsface", "epl_cosface", "epl_arcface", "epl_uniface"]
SAMPLE_HEADS = {"uss": USS, "bce": S2SBCE, "softmax": S2SSoftmax}


def files(parity, pattern):
    found = sorted((parity / "recognition").glob(pattern))
    assert found
    return found


def read(path):
    with np.load(path) as stored:
        values = {name: torch.from_numpy(value) for name, value in stored.items() if name != "meta"}
        return values, json.loads(str(stored["meta"]))


def sample_head(kind, margin, values, meta):
    """A sample-to-sample head in the state before the call."""
    options = {"scale": meta["s"], "margin": margin}
    if kind != "softmax":
        given = not meta.get("lazy_init", False)
        options |= {"logit_clamp": meta["s"], "initial_bias": 0.0 if given else None}
    head = SAMPLE_HEADS[kind](meta["D"], meta["C"], **options).double()
    if kind != "softmax" and given:
        head.bias.data.copy_(values["in_b1" if kind == "uss" else "in_bC"].reshape(-1))
    head.memory.copy_(values["in_mem"])
    head.filled.fill_(True)
    return head


def class_head(kind, margin, values, meta):
    """A sample-to-class head in the state before the call."""
    make, options = {
        "cos": (CosFace, {}),
        "arc": (ArcFace, {"gradient": "detached", "cosine_limit": 1 - 1e-7}),
        "uce": (UniFace, {"logit_clamp": meta["s"]}),
        "bce": (UniFace, {"logit_clamp": meta["s"], "bias": "diverse"}),
    }[kind]
    head = make(meta["D"], meta["C"], scale=meta["s"], margin=margin, **options).double()
    head.weight.data.copy_(values["in_W"])
    if make is UniFace:
        head.bias.data.copy_(values["in_b1" if kind == "uce" else "in_bC"].reshape(-1))
    return head


def prototype_head(kind, values, meta):
    """EPL before the call; the authors count epochs from 1 in their start."""
    head = EPL(
        class_head({"cosface": "cos", "arcface": "arc", "uniface": "uce"}[kind], meta["m"], values, meta),
        update=meta.get("update", "softsign"),
        strength=meta["k"],
        start_epoch=meta.get("start_vp_epoch", 4) - 1,
    ).double()
    (queue,) = (value for name, value in values.items() if name.startswith("in_q_"))
    head.memory.copy_(queue)
    head.filled.fill_(True)
    return head


def prepared(path, values, meta):
    """The head of a file, and its parts by the prefix that they have there."""
    family = path.name.split("_")
    if family[0] == "epl":
        head = prototype_head(family[1], values, meta)
        parts = {"": head.head}
    elif family[0] == "unitsface":
        s2c = class_head(meta["s2c"], meta["m_s2c"], values, meta)
        s2s = sample_head(meta["s2s"], meta["m_s2s"], values, meta)
        head = UniTSFace(s2c, s2s, combine=meta["combine"])
        parts = {"s2c.": s2c, "s2s.": s2s}
    else:
        kind = next(part for part in family if part in SAMPLE_HEADS)
        head = sample_head(kind, meta["m"], values, meta)
        parts = {"": head}
    head.epoch = meta.get("epoch", 0)
    return head, parts


def outcome(head, parts, x, labels):
    """All that the files record after a step; 0 for what has no gradient."""
    x.requires_grad_()
    loss = head(x, labels)
    loss.backward()
    found = {"loss": loss.detach(), "grad_emb": x.grad}
    for prefix, part in parts.items():
        for name, parameter in part.named_parameters():
            found[f"grad_{prefix}{name}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            found[f"after_{prefix}{name}"] = parameter.detach()
    if isinstance(head, EPL):
        found["after_queue"] = head.memory
    if isinstance(head, UniTSFace):
        found["after_s2s.feat_mem"] = head.s2s.memory
    return found


def compare(path, found, values, prefix, tolerance, state_tolerance):
    recorded = {name.removeprefix(f"{prefix}_"): value for name, value in values.items() if name.startswith(prefix)}
    assert {"loss", "grad_emb"} <= set(recorded) <= set(found), path.name
    for name, expected in recorded.items():
        worst = (found[name].reshape(expected.shape) - expected).abs().max()
        allowed = state_tolerance if name.startswith("after_") else tolerance
        assert worst <= allowed * expected.abs().max(), (path.name, name, float(worst))


@pytest.mark.parametrize("family", FAMILIES)
def test_step_is_the_authors(parity, family):
    for path in files(parity, f"{family}_*__*.npz"):
        values, meta = read(path)
        found = outcome(*prepared(path, values, meta), values["in_x"], values["in_y"])
        compare(path, found, values, "out64", 1e-9, 1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_step_in_float32(parity, family):
    """Where the authors' criterion overflows, the value in float64 is the right one."""
    with (parity / "recognition" / "manifest.csv").open() as lines:
        finite = {row["file"]: int(row["all_finite_f32"]) for row in csv.DictReader(lines)}
    for path in files(parity, f"{family}_*__*.npz"):
        values, meta = read(path)
        head, parts = prepared(path, values, meta)
        found = outcome(head.float(), parts, values["in_x"].float(), values["in_y"])
        compare(path, found, values, "out32" if finite[path.name] else "out64", 2e-4, 2e-4)


def test_prototypes_over_several_steps(parity):
    for path in files(parity, "epl_*_trajectory.npz"):
        values, meta = read(path)
        classes, features = values["in_W"].shape
        head = prototype_head(path.name.split("_")[1], values, meta | {"D": features, "C": classes})
        for step, epoch in enumerate(meta["epochs"]):
            head.epoch = epoch
            loss = head(values[f"in_x{step}"], values[f"in_y{step}"])
            assert loss.item() == pytest.approx(values[f"out64_loss{step}"].item(), rel=1e-9), (path.name, step)
            assert (head.memory - values[f"out64_queue{step}"]).abs().max() <= 1e-12, (path.name, step)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_hard_samples_stay_finite(parity, dtype, clip):
    for path in [path for family in FAMILIES for path in files(parity, f"{family}_*__hard.npz")]:
        values, meta = read(path)
        head, parts = prepared(path, values, meta)
        for part in [head, *parts.values()]:
            if not clip and hasattr(part, "logit_clamp"):
                part.logit_clamp = None
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            found = outcome(head.float(), parts, values["in_x"].to(dtype), values["in_y"])
        for name, value in found.items():
            assert value.isfinite().all(), (path.name, name)
