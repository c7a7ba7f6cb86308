"""The sections of ``gpu.py``: each file measures one subject on a CUDA device, and tries itself out on a CPU."""
