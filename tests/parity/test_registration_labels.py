"""FreeSurfer ids brought to the authors' 46 classes."""

import numpy as np

from subband.data.freesurfer import freesurfer_classes, freesurfer_table


def test_classes_are_the_authors(parity):
    stored = np.load(parity / "registration" / "metrics.npz")
    found = freesurfer_classes(stored["fs_raw"], unknown="background")
    assert len(np.unique(stored["fs_mapped"])) == len(freesurfer_table())
    np.testing.assert_array_equal(found, stored["fs_mapped"])
