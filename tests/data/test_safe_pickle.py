"""Pickles of arrays: equal to what pickle gives, and nothing is run."""

import pickle

import numpy as np
import pytest

from subband.data.safe_pickle import read_pickled_arrays


@pytest.fixture
def save(tmp_path):
    def write(content, protocol=4):
        path = tmp_path / "a.pkl"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
        return path

    return write


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", "u1", "?", ">i4"])
def test_arrays_are_those_of_pickle(save, protocol, dtype):
    image = np.linspace(0, 200, 24).reshape(2, 3, 4).astype(dtype)
    labels = np.asfortranarray(image[:, ::2] > 3)
    found = read_pickled_arrays(save((image, labels), protocol))
    for ours, theirs in zip(found, (image, labels), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        ours[...] = 0
    assert len(read_pickled_arrays(save(image, protocol))) == len(read_pickled_arrays(save([image], protocol))) == 1


def test_pickles_of_older_numpy_are_read(save):
    content = pickle.dumps(np.arange(5, dtype=np.int16), protocol=2)
    assert b"numpy._core.multiarray" in content
    older = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert read_pickled_arrays(save(older))[0].tolist() == [0, 1, 2, 3, 4]


class Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.message
@pytest.mark.parametrize("protocol", range(6))
def test_code_is_not_run(save, tmp_path, protocol):
    mark = tmp_path / "was-run"
    for content in (Runs(mark), (np.zeros(3), Runs(mark)), np.array([Runs(mark)], object)):
        with pytest.raises(
            ValueError, match=r"a.pkl is no pickle of arrays \(it asks for .*nothing that it names was run"
        ):
            read_pickled_arrays(save(content, protocol))
        assert not mark.exists()


@pytest.mark.message
def test_numpy_lends_nothing_else(save):
    for name in (b"numpy\nload", b"numpy.core.multiarray\nfromfile", b"builtins\neval", b"numpy\nndarray.tofile"):
        with pytest.raises(ValueError, match="it asks for " + name.decode().replace("\n", ".")):
            read_pickled_arrays(save(b"c" + name + b"\n(V/tmp/x\ntR."))
    with pytest.raises(ValueError, match="it asks for the encoding 'rot13'"):
        read_pickled_arrays(save(b"c_codecs\nencode\n(Vabc\nVrot13\ntR."))


@pytest.mark.message
def test_says_what_is_no_array(save, tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        read_pickled_arrays(tmp_path / "none.pkl")
    for content in ({"image": 1}, "text", (), [np.zeros(2), 3]):
        with pytest.raises(ValueError, match="holds something else than arrays of numbers"):
            read_pickled_arrays(save(content))
    for content in (np.array(["a"]), np.zeros(2, [("a", "f4")]), np.array([None])):
        with pytest.raises(ValueError, match="it asks for an array of"):
            read_pickled_arrays(save(content))
    whole = pickle.dumps(np.arange(100))
    for content in (b"", b"junk", whole[:60], whole.replace(b"i8", b"f2")):
        with pytest.raises(ValueError, match="is no pickle of arrays"):
            read_pickled_arrays(save(content))
