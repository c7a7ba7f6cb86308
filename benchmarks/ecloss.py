"""Do channels answer to parts of the face with ECLoss (a reconstruction), and does verification suffer? 3 seeds each.

    python benchmarks/ecloss.py [--steps 500] [--seeds 1 2 3] [--weight 1] [--pictures FOLDER]

A small network learns drawn faces that are not aligned, with CosFace, once with the loss on its fourth convolution and
once without; nothing else differs. Agreement and verification are measured on people that it has not seen. Writes
``benchmarks/results/ecloss.json``.
"""

import argparse
import copy
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from common import write
from subband.data.pairs import pairs_of
from subband.data.synthetic_faces import SyntheticFaces
from subband.layers.layer_maps import layer_maps
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.ecloss import NOTE, ECLoss
from subband.metrics.explain import (
    channel_part_agreement,
    channel_part_matrix,
    channel_peaks,
    location_instability,
    part_iou,
    peak_spreadness,
)
from subband.report.channel_parts import channel_parts_figure

SIZE, LAYER, BATCH = 64, "3", 64
REACH = 12  # pixels that faces are moved by at most
SMALL_PARTS = ("eyes", "brows", "nose", "mouth")
METHODS = ("plain", "ECLoss")


def small_network(features: int = 64) -> nn.Sequential:
    """Six 3-wide convolutions with normalisation and ReLU, 64 to 4 pixels, and a normalised linear map."""
    sizes = ((3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 2))
    stages = [
        nn.Sequential(nn.Conv2d(given, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())
        for given, out, stride in sizes
    ]
    return nn.Sequential(*stages, nn.Flatten(), nn.Linear(64 * 4 * 4, features, bias=False), nn.BatchNorm1d(features))


class Faces:
    """Images (N, 3, H, W) in [-1, 1] with labels, parts and landmarks."""

    def __init__(self, people: int, images: int, *, first: int) -> None:
        drawn = SyntheticFaces(identities=people, images=images, size=SIZE, seed=5, first=first)
        faces = [drawn.draw(index) for index in range(len(drawn))]
        self.names = drawn.part_names
        self.images = torch.from_numpy(np.stack([face.image for face in faces])).float() * 2 - 1
        self.labels = torch.tensor(drawn.labels)
        self.parts = np.stack([face.owner for face in faces])[:, None] == np.arange(len(self.names))[:, None, None]
        self.landmarks = np.stack([face.landmarks for face in faces])

    def moved(self, generator: np.random.Generator) -> "Faces":
        """All of it moved by up to a fifth of the side, as in photographs that nobody has aligned."""
        found = copy.copy(self)
        by = generator.integers(-REACH, REACH + 1, (len(self.images), 2))
        found.images = torch.stack([moved(one, *step) for one, step in zip(self.images, by, strict=True)])
        found.parts = np.stack([np.asarray(moved(one, *step, 0)) for one, step in zip(self.parts, by, strict=True)])
        found.landmarks = self.landmarks + by[:, None]
        return found


def moved(image, right, down, fill=None):
    """An image (C, H, W) moved to the right and down; its border repeated, or filled."""
    given = torch.as_tensor(image, dtype=torch.float32)
    padding = (REACH,) * 4
    padded = F.pad(given, padding, "replicate") if fill is None else F.pad(given, padding, value=fill)
    found = padded[:, REACH - down :, REACH - right :][:, :SIZE, :SIZE]
    return found if fill is None else found > 0.5


def train(faces, method, seed, chosen):
    """The network after some steps, and its last losses."""
    torch.manual_seed(seed)
    people = int(faces.labels.max()) + 1
    model = small_network()
    head = CosFace(64, people, scale=16.0, margin=0.2)
    explain = ECLoss(chosen.weight, tau=chosen.tau, beta=chosen.beta)
    explain.attach(model, LAYER)
    learned = [one for one in (*model.parameters(), *head.parameters()) if one.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, chosen.steps, pct_start=0.2)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for step in range(chosen.steps):
        rows = torch.randint(len(faces.images), (BATCH,), generator=generator)
        by = torch.randint(-REACH, REACH + 1, (BATCH, 2), generator=generator).tolist()
        images = torch.stack([moved(faces.images[row], *step) for row, step in zip(rows, by, strict=True)])
        recognised = head(model(images), faces.labels[rows])
        loss = recognised + explain() if method == "ECLoss" else recognised
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == chosen.steps - 1:
            print(f"{method} {seed}: step {step}, {recognised.item():.3f} {(loss - recognised).item():.3f}", flush=True)
    return model


@torch.no_grad()
def measure(model, faces):
    """Agreement of channels with parts, and verification, on other people; and what the picture needs."""
    maps = layer_maps(model, LAYER, faces.images).relu().numpy()
    peaks = channel_peaks(maps, (SIZE, SIZE))
    matrix = channel_part_matrix(peaks, faces.parts, reach=SIZE // maps.shape[-1] // 2)
    small = [faces.names.index(name) for name in SMALL_PARTS]
    iou = part_iou(maps, faces.parts[:, small])
    model.eval()
    embeddings = F.normalize(torch.cat([model(part) for part in faces.images.split(100)])).numpy()
    pairs = pairs_of(faces.labels.tolist(), folds=10, per_fold=60, seed=1)
    scores = (embeddings[pairs.first] * embeddings[pairs.second]).sum(1)
    found = {
        "agreement": channel_part_agreement(matrix[:, small]),
        "agreement_all_parts": channel_part_agreement(matrix),
        "part_iou": channel_part_agreement(iou),
        "instability": location_instability(peaks, faces.landmarks),
        "spreadness": peak_spreadness(peaks),
        "active_channels": int((peaks.heights.max(0) > 0).sum()),
        "ten_fold_accuracy": ten_folds(scores, np.array(pairs.same), np.array(pairs.fold)),
    }
    return found, maps, matrix


def ten_folds(scores, same, fold):
    """Accuracy of each fold at the threshold that is best on the others, mean."""
    grid = np.arange(-1, 1, 0.005)
    right = (scores > grid[:, None]) == same
    return float(
        np.mean([right[right[:, fold != one].mean(1).argmax()][fold == one].mean() for one in np.unique(fold)])
    )


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--weight", type=float, default=1.0)
    parser.add_argument("--tau", type=float, default=10.0)
    parser.add_argument("--beta", type=float, default=16.0)
    parser.add_argument("--people", type=int, default=80)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--pictures", type=Path, help="folder for two figures")
    parser.add_argument("--dry", action="store_true", help="write no result")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    begin = time.process_time()
    learnt = Faces(chosen.people, 20, first=0)
    unseen = Faces(40, 10, first=2000).moved(np.random.default_rng(3))
    print(f"faces drawn after {time.process_time() - begin:.0f} s", flush=True)
    runs = []
    for seed in chosen.seeds:
        for method in chosen.methods:
            start = time.process_time()
            model = train(learnt, method, seed, chosen)
            found, maps, matrix = measure(model, unseen)
            runs.append({"method": method, "seed": seed, **found, "seconds": time.process_time() - start})
            print(runs[-1], flush=True)
            if chosen.pictures and seed == chosen.seeds[0]:
                title = f"Layer {LAYER}, {method}" + (f": {NOTE}" if method == "ECLoss" else "")
                shown = (unseen.images.numpy() + 1) / 2
                drawing = channel_parts_figure(maps, shown, matrix, unseen.names, title=title)
                chosen.pictures.mkdir(parents=True, exist_ok=True)
                (chosen.pictures / f"channels-{method}.png").write_bytes(drawing.png)
    for name in runs[0]:
        if name not in ("method", "seed"):
            means = {one: statistics.mean(run[name] for run in runs if run["method"] == one) for one in chosen.methods}
            print(name, {one: round(value, 4) for one, value in means.items()})
    if not chosen.dry:
        options = {key: getattr(chosen, key) for key in ("steps", "weight", "tau", "beta", "people")}
        about = {"title": "ECLoss on drawn faces", "options": options, "tables": [table(runs)], "runs": runs}
        write("ecloss", about)


def table(runs) -> dict:
    """Means and deviations over the seeds, for the documentation."""
    names = [name for name in runs[0] if name not in ("method", "seed", "seconds")]
    rows = []
    for method in dict.fromkeys(run["method"] for run in runs):
        found = [[run[name] for run in runs if run["method"] == method] for name in names]
        rows.append([method, *(f"{statistics.mean(one):.3g}±{statistics.stdev(one):.2g}" for one in found)])
    first = {name: [row[1 + names.index(name)] for row in rows] for name in names}
    agreement, accuracy = first["agreement"], first["ten_fold_accuracy"]
    said = (
        f"Agreement with the small parts is {agreement[-1]} with the loss and {agreement[0]} without, verification "
        f"{accuracy[-1]} and {accuracy[0]}. Channels that never answer are left out. {NOTE}."
    )
    columns = ["network", *(name.replace("_", " ") for name in names)]
    return {"title": "ECLoss on drawn faces, people not seen", "columns": columns, "rows": rows, "note": said}


if __name__ == "__main__":
    main()
