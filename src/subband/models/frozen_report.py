"""What of a network does not learn."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

_COLUMNS = ("name", "what", "layers", "numbers", "why")


@dataclass(frozen=True)
class FrozenRow:
    """One part of a network that does not learn, or learns less than it seems to.

    Attributes:
        name: Name of the module that holds the layers.
        what: ``batch norms`` or ``layers``.
        layers: How many.
        numbers: Weights, scales and statistics in them.
        why: What is frozen, or what still moves.
    """

    name: str
    what: str
    layers: int
    numbers: int
    why: str

    def cells(self) -> list[str]:
        """Words of the table's row."""
        return [self.name or "(the network)", self.what, str(self.layers), str(self.numbers), self.why]


@dataclass(frozen=True)
class FrozenReport:
    """Rows of `FrozenRow` in the network's order; ``print`` shows them as a table.

    Attributes:
        rows: One for each part and kind.
        trained: Numbers that learn.
        parameters: Parameters of the network; statistics of batch norms are not among them.
    """

    rows: tuple[FrozenRow, ...]
    trained: int
    parameters: int

    def __str__(self) -> str:
        head = f"{self.trained} of {self.parameters} parameters learn"
        if not self.rows:
            return f"{head}; nothing is frozen"
        table = [list(_COLUMNS), *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join([head, *("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table)])


def frozen_report(model: nn.Module) -> FrozenReport:
    """Say which batch norms and which layers of a network are frozen.

    A detector's backbone often has layers that are frozen without a word. Three things are told apart: frozen batch
    norms (statistics, scale and shift are constants), layers whose weights get no gradient, and plain batch norms whose
    scale and shift get no gradient while their running statistics still move in training.

    Args:
        model: Any network; as it is, so a layer frozen later needs another call.

    Returns:
        The report; layers of one parent module are in one row.

    Source:
        Asked for in pytorch/vision issues 2164 and 3394: torchvision freezes layers and batch norms by whether weights
        are loaded.

    Example:
        >>> from torch import nn
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1))
        >>> _ = network[0].requires_grad_(False)
        >>> print(frozen_report(network))
        34 of 250 parameters learn
        name           what    layers  numbers  why
        (the network)  layers  1       216      weights get no gradient
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for name, what, numbers, why in _frozen(model):
        groups.setdefault((name.rpartition(".")[0], what, why), []).append(numbers)
    rows = [FrozenRow(name, what, len(found), sum(found), why) for (name, what, why), found in groups.items()]
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return FrozenReport(tuple(rows), sum(size for size, learns in sizes if learns), sum(size for size, _ in sizes))


def _frozen(model: nn.Module) -> Iterator[tuple[str, str, int, str]]:
    """Name, kind, numbers and reason of each layer that does not learn."""
    for name, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        held = [parameter for parameter in own if not parameter.requires_grad]
        if type(module).__name__.startswith("FrozenBatchNorm"):
            numbers = sum(buffer.numel() for buffer in module.buffers(recurse=False))
            yield name, "batch norms", numbers, "statistics, scale and shift are constants"
        elif held and isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            which = "scale and shift get" if len(held) == len(own) else "one of scale and shift gets"
            why = f"{which} no gradient, but the statistics move in training"
            yield name, "batch norms", sum(parameter.numel() for parameter in held), why
        elif held:
            why = "weights get no gradient" if len(held) == len(own) else "some weights get no gradient"
            yield name, "layers", sum(parameter.numel() for parameter in held), why
