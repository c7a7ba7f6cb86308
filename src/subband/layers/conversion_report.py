"""What `subband.layers.waveletize` did to a network."""

from dataclasses import dataclass

from torch import nn

_ATTRIBUTE = "_subband_conversion"
_COLUMNS = ("name", "kind", "kernel", "stride", "placement", "reason")


@dataclass(frozen=True)
class ConversionRow:
    """One place where a network samples down.

    Attributes:
        name: Name of the module, for a function call that of the module whose forward calls it; empty for the network.
        kind: Class, or function as ``F.max_pool2d``.
        kernel: Size of its window in pixels.
        stride: Its stride in pixels.
        placement: Where the low-pass filter is: ``before itself``, ``after itself``, ``in its place``, or
            ``before <name>``; empty if nothing was changed.
        reason: Why nothing was changed, or why the filter is not where the authors' rule first looks.
    """

    name: str
    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    placement: str = ""
    reason: str = ""

    def cells(self) -> list[str]:
        """Words of the table's row."""
        return [
            self.name or "(the network)",
            self.kind,
            *("x".join(map(str, numbers)) or "-" for numbers in (self.kernel, self.stride)),
            self.placement or "left",
            self.reason,
        ]


@dataclass(frozen=True)
class ConversionReport:
    """Rows of `ConversionRow` in the network's order; ``print`` shows them as a table.

    Attributes:
        wavelet: Name of the wavelet or blur.
        rows: One for each place.
        notes: Sentences on the network as a whole, as on parts that could not be traced.
    """

    wavelet: str
    rows: tuple[ConversionRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def converted(self) -> tuple[ConversionRow, ...]:
        """Rows of what became a low-pass filter."""
        return tuple(row for row in self.rows if row.placement)

    @property
    def left(self) -> tuple[ConversionRow, ...]:
        """Rows of what stayed as it was."""
        return tuple(row for row in self.rows if not row.placement)

    def __str__(self) -> str:
        table = [list(_COLUMNS), *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
        head = f"{self.wavelet}: {len(self.converted)} of {len(self.rows)} places became low-pass filters"
        return "\n".join([head, *lines, *self.notes])


def attach(model: nn.Module, report: ConversionReport) -> None:
    """Keep the report with the network."""
    setattr(model, _ATTRIBUTE, report)


def attached(model: nn.Module) -> ConversionReport | None:
    """The report of a network, or None."""
    found: ConversionReport | None = model.__dict__.get(_ATTRIBUTE)
    return found


def conversion_report(model: nn.Module) -> ConversionReport:
    """Report of what `subband.layers.waveletize` converted, what it left and why.

    Args:
        model: Converted network.

    Returns:
        The report; ``print`` it.

    Raises:
        ValueError: If the network was not converted.

    Example:
        >>> from torch import nn
        >>> from subband.layers import conversion_report, waveletize
        >>> print(conversion_report(waveletize(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU()))))
        haar: 1 of 1 places became low-pass filters
        name  kind    kernel  stride  placement     reason
        0     Conv2d  3x3     2x2     after itself  goes to no convolution
    """
    report = attached(model)
    if report is None:
        raise ValueError(f"this {type(model).__name__} was not converted; give what waveletize returned")
    return report
