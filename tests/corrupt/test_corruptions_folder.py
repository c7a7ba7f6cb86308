"""Corrupted sets on disk: the published layout, written so that it can be stopped, read with what is missing."""

import numpy as np
import pytest
from PIL import Image

from subband.corrupt import IMAGENET_C, Preparation, corrupt, corrupted_folder, write_corrupted

NAMES = ("fog", "gaussian_noise")


@pytest.fixture
def source(tmp_path, rng):
    for group, count in (("cat", 2), ("dog", 1)):
        (tmp_path / "clean" / group).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "clean" / group / f"{number:02d}.png")
    (tmp_path / "clean" / "cat" / "notes.txt").write_text("no image")
    Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8)).save(tmp_path / "clean" / "dog" / "grey.png")
    return tmp_path / "clean"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_files_hold_what_corrupt_gives(source, tmp_path):
    seen = []
    assert (
        write_corrupted(source, tmp_path / "c", names=NAMES, severities=(1, 5), progress=lambda *at: seen.append(at))
        == 4 * 4
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    folder = corrupted_folder(tmp_path / "c")
    assert (folder.names, folder.classes) == (("gaussian_noise", "fog"), ("cat", "dog"))
    assert folder.keys == ("cat/00", "cat/01", "dog/00", "dog/grey")
    for name in NAMES:
        for severity in (1, 5):
            for key, path, label in folder.files(name, severity):
                assert path == tmp_path / "c" / name / str(severity) / f"{key}.png"
                assert label == ("cat", "dog").index(path.parent.name)
                clean = np.asarray(Image.open(source / f"{key}.png"))
                assert np.array_equal(np.asarray(Image.open(path)), corrupt(clean, name, severity, key=key))


def test_goes_on_where_it_stopped(source, tmp_path):
    target = tmp_path / "c"
    write_corrupted(source, target, names=NAMES, severities=(2,))
    whole = contents(target)
    gone = ["fog/2/cat/01.png", "gaussian_noise/2/dog/00.png"]
    for name in gone:
        (target / name).unlink()
    kept = target / "fog/2/cat/00.png"
    kept.write_bytes(b"mine")
    assert write_corrupted(source, target, names=NAMES, severities=(2,)) == 2
    assert kept.read_bytes() == b"mine"
    kept.unlink()
    assert write_corrupted(source, target, names=NAMES, severities=(2,)) == 1
    assert contents(target) == whole
    assert write_corrupted(source, target, names=NAMES, severities=(2,)) == 0
    assert not list(target.rglob("*.partial"))


@pytest.mark.slow
def test_workers_write_the_same_files(source, tmp_path):
    write_corrupted(source, tmp_path / "one", names=NAMES, severities=(3,))
    seen = []
    count = write_corrupted(
        source, tmp_path / "two", names=NAMES, severities=(3,), workers=2, progress=lambda *at: seen.append(at)
    )
    assert count == 8
    assert seen[-1] == (4, 4)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_sizes_and_jpeg_as_published(tmp_path, rng):
    (tmp_path / "clean" / "a").mkdir(parents=True)
    pixels = rng.integers(0, 256, (300, 500, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "clean" / "a" / "x.png")
    write_corrupted(tmp_path / "clean", tmp_path / "c", names=["contrast"], severities=[1], preparation=IMAGENET_C)
    ((_, path, _),) = corrupted_folder(tmp_path / "c").files("contrast", 1)
    assert path.suffix == ".jpg"
    with Image.open(path) as found:
        assert (found.size, found.format) == ((224, 224), "JPEG")
    small = Preparation(crop=100)
    write_corrupted(tmp_path / "clean", tmp_path / "d", names=["contrast"], severities=[1], preparation=small)
    found = np.asarray(Image.open(tmp_path / "d/contrast/1/a/x.png"))
    assert np.array_equal(found, corrupt(pixels[100:200, 200:300], "contrast", 1, key="a/x"))


def test_says_what_is_missing(source, tmp_path):
    target = tmp_path / "c"
    write_corrupted(source, target, names=NAMES, severities=(1, 2))
    folder = corrupted_folder(target)
    assert folder.missing(names=NAMES, severities=(1, 2)) == []
    (target / "fog/2/cat/00.png").unlink()
    (target / "fog/2/dog/grey.png").unlink()
    folder = corrupted_folder(target)
    assert folder.missing(names=("fog", "snow"), severities=(1, 2, 3)) == [
        "fog/2: 2 of 4 images, no cat/00 and 1 more",
        "fog/3: 0 of 4 images, no cat/00 and 3 more",
        "snow: no image",
    ]
    assert len(folder.missing()) == 13 + 4 + 3
    assert folder.missing(names=["gaussian_noise"], severities=[1]) == []


@pytest.mark.message
def test_errors_say_what_to_do(source, tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        corrupted_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no image in the layout corruption/severity/class/image, such as fog/1"):
        corrupted_folder(source)
    with pytest.raises(ValueError, match=r"corruption is 'fogg', .*did you mean 'fog'"):
        write_corrupted(source, tmp_path / "c", names=["fogg"])
    with pytest.raises(ValueError, match=r"severities are \[0\], but must be from 1 to 5"):
        write_corrupted(source, tmp_path / "c", severities=[0])
    with pytest.raises(ValueError, match="holds no image in class folders; expected cat/class/image"):
        write_corrupted(source / "cat", tmp_path / "c")
    with pytest.raises(ValueError, match="is not empty and was not written by this command; choose another folder"):
        write_corrupted(source, source)
    write_corrupted(source, tmp_path / "c", names=["fog"], severities=[1])
    with pytest.raises(ValueError, match=r"was written with .*'quality': None.*, not .*'quality': 85"):
        write_corrupted(source, tmp_path / "c", names=["fog"], preparation=Preparation(quality=85))
    with pytest.raises(ValueError, match="holds no image under fog/2"):
        corrupted_folder(tmp_path / "c").files("fog", 2)
    with pytest.raises(ValueError, match="did you mean 'fog'"):
        corrupted_folder(tmp_path / "c").files("fogs", 2)
    with pytest.raises(ValueError, match="has 24 x 20 pixels, fewer than the crop 22; resize"):
        write_corrupted(source, tmp_path / "d", names=["fog"], severities=[1], preparation=Preparation(crop=22))
    (source / "cat" / "00.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"00.jpg and 00.png have one name; rename one of them"):
        write_corrupted(source, tmp_path / "e")
    (source / "cat" / "00.png").unlink()
    with pytest.raises(ValueError, match=r"00.jpg cannot be read as an image; it is damaged or of another kind"):
        write_corrupted(source, tmp_path / "e")
