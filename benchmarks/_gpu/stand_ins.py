"""What lets this checkout run where nothing may be installed: its path, and stand-ins for two small packages.

jaxtyping only annotates. Of PyWavelets the package takes filters alone; those of a few wavelets are here, and
``tests/gpu/test_gpu_parts.py`` compares them with PyWavelets' own.
"""

import importlib
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("Float", "Int", "Int64", "UInt8", "Complex", "Bool", "Shaped", "Num", "Integer")
ORTHOGONAL = {  # synthesis low-pass filters
    "haar": (0.7071067811865476, 0.7071067811865476),
    "db2": (0.48296291314453416, 0.8365163037378079, 0.2241438680420134, -0.12940952255126037),
    "db3": (
        *(0.33267055295008263, 0.8068915093110925, 0.45987750211849154),
        *(-0.13501102001025458, -0.08544127388202666, 0.03522629188570953),
    ),
    "db4": (
        *(0.2303778133088965, 0.7148465705529157, 0.6308807679298589, -0.027983769416859854),
        *(-0.18703481171909309, 0.030841381835560764, 0.0328830116668852, -0.010597401785069032),
    ),
    "db6": (
        *(0.11154074335010947, 0.49462389039845306, 0.7511339080210954, 0.31525035170919763),
        *(-0.22626469396543983, -0.12976686756726194, 0.09750160558732304, 0.027522865530305727),
        *(-0.03158203931748603, 0.0005538422011614961, 0.004777257510945511, -0.0010773010853084796),
    ),
    "db7": (
        *(0.07785205408500918, 0.3965393194819173, 0.7291320908462351, 0.4697822874051931, -0.14390600392856498),
        *(-0.22403618499387498, 0.07130921926683026, 0.08061260915108308, -0.03802993693501441, -0.01657454163066688),
        *(0.01255099855609984, 0.0004295779729213665, -0.0018016407040474908, 0.00035371379997452024),
    ),
}
BIORTHOGONAL = {  # first halves of the symmetric low-pass filters, of analysis and of synthesis
    "bior2.2": (
        (-0.1767766952966369, 0.3535533905932738, 1.0606601717798212),
        (0.3535533905932738, 0.7071067811865476),
    ),
    "bior2.4": (
        (0.03314563036811941, -0.06629126073623882, -0.1767766952966369, 0.4198446513295126, 0.9943689110435825),
        (0.3535533905932738, 0.7071067811865476),
    ),
    "bior3.3": (
        (0.06629126073623882, -0.1988737822087165, -0.15467960838455727, 0.9943689110435825),
        (0.1767766952966369, 0.5303300858899106),
    ),
    "bior4.4": (
        (0.03782845550726404, -0.023849465019556843, -0.11062440441843718, 0.37740285561283066, 0.8526986790088938),
        (-0.06453888262869706, -0.04068941760916406, 0.41809227322161724, 0.7884856164055829),
    ),
}


def prepare_imports() -> None:
    """Take the package from this checkout, and a stand-in for what is missing of jaxtyping and PyWavelets."""
    sys.path.insert(0, str(ROOT / "src"))
    for name, make in (("jaxtyping", annotations), ("pywt", wavelets)):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = make(name)


def annotations(name: str) -> types.ModuleType:
    """A jaxtyping whose ``Float[Tensor, "..."]`` is ``Tensor``."""
    stand_in = types.ModuleType(name)
    for kind in KINDS:
        setattr(stand_in, kind, type(kind, (), {"__class_getitem__": classmethod(lambda cls, item: item[0])}))
    return stand_in


def wavelets(name: str) -> types.ModuleType:
    """A PyWavelets that knows the filters of a few wavelets."""
    stand_in = types.ModuleType(name)
    reversed_ = [known.replace("bior", "rbio") for known in BIORTHOGONAL]
    stand_in.wavelist = lambda kind: [*ORTHOGONAL, *BIORTHOGONAL, *reversed_]
    stand_in.Wavelet = lambda wavelet: types.SimpleNamespace(name=wavelet, filter_bank=filters(wavelet))
    return stand_in


def filters(wavelet: str) -> tuple[list[float], ...]:
    """The four filters in PyWavelets' order: low and high of the decomposition, low and high of the reconstruction."""
    if wavelet in ORTHOGONAL:
        low = list(ORTHOGONAL[wavelet])
        ahead, back = low[::-1], low
    else:
        ahead, back = (list(half) for half in BIORTHOGONAL[f"bior{wavelet[4:]}"])
        odd = wavelet[-1] in "24"  # an odd filter has its middle tap once, and a zero before it makes it even
        ahead, back = ([*half, *half[::-1][odd:]] for half in (ahead, back))
        taps = len(ahead) + odd
        ahead = [0.0] * odd + ahead
        before = (taps - len(back)) // 2
        back = [0.0] * before + back + [0.0] * (taps - before - len(back))
        if wavelet.startswith("r"):
            ahead, back = back[::-1], ahead[::-1]
    alternate = [(-1) ** count for count in range(len(ahead))]
    high = [-sign * tap for sign, tap in zip(alternate, back, strict=True)]
    return ahead, high, back, [sign * tap for sign, tap in zip(alternate, ahead, strict=True)]
