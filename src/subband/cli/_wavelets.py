"""Families of wavelets for ``subband list``, written down so that nothing heavy is imported."""

FAMILIES = (
    ("haar", "2 taps; db1, bior1.1 and rbio1.1 are the same"),
    ("db1 ... db38", "Daubechies: 2N taps, N vanishing moments"),
    ("sym2 ... sym20", "the same, nearly symmetric"),
    ("coif1 ... coif17", "coiflets: 6N taps, 2N vanishing moments"),
    ("bior1.1 ... bior6.8", "biorthogonal and symmetric, as in PyWavelets"),
    ("rbio1.1 ... rbio6.8", "the same with analysis and synthesis exchanged"),
    ("ch1.1 ... ch6.8", "the WaveCNet authors' names for rbioX.Y"),
    ("dmey", "Meyer, 62 taps, symmetric, orthogonal to 0.002 only"),
)
"""Names from the first to the last of each family, and what they are; ``subband show wavelet NAME`` draws one."""
