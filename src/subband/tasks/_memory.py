"""How much memory a piece of work takes beside what is there: of the GPU if there is one, else of the process."""

import contextlib
import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Grown:
    """What a piece of work took.

    Attributes:
        mb: Largest memory above that at the start, in MB (10^6 bytes); NaN where the system does not tell, and until
            the work has ended.
    """

    mb: float = math.nan


@contextlib.contextmanager
def grown_memory() -> Iterator[Grown]:
    """Measure the memory of what is done within.

    On a CPU it is the resident memory of the process, with what other libraries take; what the allocator kept from
    before is given back first.
    """
    found = Grown()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield found
        found.mb = (torch.cuda.max_memory_allocated() - before) / 1e6
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    at_rest = math.nan
    with contextlib.suppress(OSError):
        CLEAR.write_text("5", encoding="ascii")  # sets the peak to what is there now
        at_rest = _status("VmRSS")
    yield found
    if not math.isnan(at_rest):
        found.mb = max(0.0, _status("VmHWM") - at_rest)


def _status(name: str) -> float:
    """A line of the process's status, in MB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else math.nan
