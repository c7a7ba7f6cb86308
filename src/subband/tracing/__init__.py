"""From a grey volume of a neuron to its tree."""

from subband.tracing.foreground import find_threshold
from subband.tracing.trace import Traced, find_soma, trace, trace_report

__all__ = ["Traced", "find_soma", "find_threshold", "trace", "trace_report"]
