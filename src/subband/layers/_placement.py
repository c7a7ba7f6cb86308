"""Where the authors put the low-pass filter of a strided convolution: before the next one."""

import operator
from collections import Counter, defaultdict
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.nn.modules import activation, dropout

from subband.layers._places import Place, is_conv, may_be_swapped
from subband.layers._pooling import pool_of_call
from subband.layers._tracing import Traces, is_layer, is_norm

_LAYERS = (
    *(getattr(activation, name) for name in activation.__all__ if name not in ("GLU", "MultiheadAttention", "RReLU")),
    *(getattr(dropout, name) for name in dropout.__all__),
    nn.Identity,
)
_SOFT = ("Softmin", "Softmax", "Softmax2d", "LogSoftmax")
_NAMES = (
    "relu relu_ relu6 leaky_relu leaky_relu_ elu selu celu silu gelu mish hardswish hardtanh hardsigmoid sigmoid tanh"
)
_NAMES += " dropout dropout2d dropout3d"
_FUNCTIONS = {getattr(place, name) for place in (F, torch) for name in _NAMES.split() if hasattr(place, name)}
_METHODS = {"relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_"}


class Next:
    """Of each convolution: the module before which its filter goes, or why it goes nowhere.

    Args:
        traces: Graphs of the network.
        carriers: Pooling layers that become filters, so that another one can go before them.
    """

    def __init__(self, traces: Traces, carriers: set[nn.Module]) -> None:
        self.found: dict[nn.Module, set[nn.Module | str]] = defaultdict(set)
        self.names: dict[nn.Module, str] = {}
        for prefix, root, graph in traces.parts:
            layers = {node: root.get_submodule(str(node.target)) for node in graph.nodes if node.op == "call_module"}
            uses = Counter(layers.values())
            for node, module in layers.items():
                self.names[module] = f"{prefix}.{node.target}" if prefix else str(node.target)
                if is_conv(module):
                    self.found[module].add(_follow(node, layers, uses, carriers))

    def of(self, conv: nn.Module) -> nn.Module | str:
        """Module before which the filter of this convolution goes, or the reason why it goes right after it."""
        found = self.found[conv]
        if len(found) > 1:
            return "goes to different modules in training and evaluation"
        return next(iter(found), "not reached by tracing")


def _follow(
    node: fx.Node, layers: dict[fx.Node, nn.Module], uses: Counter[nn.Module], carriers: set[nn.Module]
) -> nn.Module | str:
    """Go on from a convolution through pointwise layers."""
    if uses[layers[node]] > 1:
        return "called several times"
    while True:
        if len(node.users) != 1:
            return "goes to several places"
        user = next(iter(node.users))
        module = layers.get(user)
        if module is not None and ((is_conv(module) and may_be_swapped(module)) or module in carriers):
            return module if uses[module] == 1 else "goes to a module that is called several times"
        if user.all_input_nodes != [node] or not _pointwise(user, module):
            return "goes to no convolution"
        node = user


def _pointwise(node: fx.Node, module: nn.Module | None) -> bool:
    if module is not None:
        return is_norm(module) or (isinstance(module, _LAYERS) and type(module).__name__ not in _SOFT)
    return (node.op == "call_method" and node.target in _METHODS) or (
        node.op == "call_function" and node.target in _FUNCTIONS
    )


def places_of_calls(traces: Traces, *, max_stride: int, skipped: set[nn.Module]) -> Iterator[Place]:
    """Pools that a forward calls as functions, and slices with a step, each once for its module."""
    seen = set()
    for prefix, root, graph in traces.parts:
        for node in graph.nodes:
            if node.op != "call_function":
                continue
            owner = _owner(node)
            module, name = root.get_submodule(owner), ".".join(filter(None, (prefix, owner)))
            if is_layer(module):  # the network is but one layer
                continue
            for place in _places_of_call(node, name, module, max_stride, skipped):
                if (module, place.kind, place.pool) not in seen:
                    seen.add((module, place.kind, place.pool))
                    yield place


def _owner(node: fx.Node) -> str:
    """Name of the module whose forward makes the call."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _places_of_call(
    node: fx.Node, name: str, module: nn.Module, max_stride: int, skipped: set[nn.Module]
) -> Iterator[Place]:
    function = getattr(node.target, "__name__", "")
    pool = pool_of_call(function, node.args, node.kwargs)
    if pool is not None:
        reason = "skipped" if module in skipped else pool.kept_because(max_stride)
        if not reason and isinstance(module, fx.GraphModule):
            reason = "in a traced graph; convert the network before tracing it"
        yield Place(name, module, f"F.{function}", pool.size, pool.stride, reason, pool, called=True)
    elif node.target is operator.getitem and (steps := _steps(node.args[1])):
        yield Place(name, module, "slice", (), steps, "sampled by slicing", called=True)


def _steps(index: object) -> tuple[int, ...]:
    """Steps of a slicing, if one is over 1."""
    parts = index if isinstance(index, tuple) else (index,)
    steps = tuple(part.step for part in parts if isinstance(part, slice) and isinstance(part.step, int))
    return steps if steps and max(steps) > 1 else ()
