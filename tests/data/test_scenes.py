"""CamVid and Pascal VOC on small files in the raw layouts."""

import pickle

import numpy as np
import pytest
from PIL import Image

from subband.data import VOID, check_samples, class_names, given_split, palette
from subband.data.readers import CamVid, Voc
from subband.data.readers.voc import colours

RNG = np.random.default_rng(5)


def save(path, array, *, colours=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(array, np.uint8))
    if colours is not None:
        picture.putpalette(np.asarray(colours, np.uint8).tobytes())
    picture.save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))
    return path


def photo(*shape):
    return RNG.integers(0, 256, (*shape, 3))


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def palette_of_256():
    numbers = np.arange(256)
    planes = [sum((numbers >> (3 * j + k) & 1) << (7 - j) for j in range(8)) for k in range(3)]
    return np.stack(planes, 1)


# CamVid


@pytest.fixture
def camvid(tmp_path):
    """Three, one and two images; the labels of number n hold n, n + 1, and seven pixels of 11."""
    root, counts, number = tmp_path / "CamVid", {"train": 3, "val": 1, "test": 2}, 0
    place = np.arange(48).reshape(6, 8)
    for part, count in counts.items():
        lines = []
        for _ in range(count):
            name = f"{part}_{number:02d}.png"
            save(root / part / name, photo(6, 8))
            labels = np.select([place < 20, place <= 40], [number, number + 1], 11)
            save(root / f"{part}annot" / name, labels)
            lines.append(f"/SegNet/CamVid/{part}/{name} /SegNet/CamVid/{part}annot/{name}")
            number += 1
        write(root / f"{part}.txt", *lines)
    return root


@pytest.mark.parametrize("inside", [True, False])
def test_camvid_follows_its_lists(camvid, inside):
    data = CamVid(camvid if inside else camvid.parent)
    assert data.names == ["train_00", "train_01", "train_02", "val_03", "test_04", "test_05"]
    assert (data.classes, data.channels) == (11, 3)
    assert vars(given_split(data)) == {"train": [0, 1, 2], "validation": [3], "test": [4, 5]}
    for number, sample in enumerate(data):
        part = sample.name[:-3]
        stored = np.array(Image.open(camvid / f"{part}annot" / f"{sample.name}.png"))
        assert (sample.mask == np.where(stored == 11, VOID, stored)).all()
        assert np.count_nonzero(sample.mask == VOID) == 7
        assert set(np.unique(sample.mask)) == {number, number + 1, VOID}
        image = np.array(Image.open(camvid / part / f"{sample.name}.png"))
        assert (sample.image == image.transpose(2, 0, 1) / np.float32(255)).all()
    assert check_samples(data) == []


def test_camvid_has_segnets_names_and_colours(camvid):
    data = CamVid(camvid)
    assert (class_names(data)[3], palette(data)[3].tolist()) == ("road", [128, 64, 128])
    assert (class_names(data)[10], palette(data)[10].tolist()) == ("bicyclist", [0, 128, 192])


def test_camvid_survives_another_process(camvid):
    data = CamVid(camvid)
    copy = pickle.loads(pickle.dumps(data))
    assert copy.split == data.split
    assert (copy.palette == data.palette).all()
    assert (copy[4].mask == data[4].mask).all()


def test_empty_lines_of_a_list_do_not_count(camvid):
    (camvid / "val.txt").write_text("\r\n/a/val/val_03.png   /b/valannot/val_03.png \r\n\r\n")
    assert CamVid(camvid).split.validation == [3]


@pytest.mark.message
def test_camvid_without_files(camvid, tmp_path):
    with pytest.raises(ValueError, match=r"there is no folder .*none"):
        CamVid(tmp_path / "none")
    (camvid / "testannot" / "test_05.png").unlink()
    with pytest.raises(ValueError, match=r"no test_05.png in .*testannot .*get it from https://github.com/alexgk"):
        CamVid(camvid)
    (camvid / "val.txt").unlink()
    with pytest.raises(ValueError, match=r"no val.txt in .*CamVid .*get it from https://github.com/alexgk"):
        CamVid(camvid)


@pytest.mark.message
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "train.txt names no image"),
        (b"\n /SegNet/CamVid/train/train_00.png\n", "train.txt, entry 1, is '/SegNet/CamVid/train/train_00.png'; exp"),
        (b"a b c", "expected an image and its labels"),
        (b"\xff\xfe", r"train.txt cannot be read as a list of names \('utf-8' codec"),
    ],
)
def test_camvid_list_of_another_form(camvid, content, sentence):
    (camvid / "train.txt").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        CamVid(camvid)


@pytest.mark.message
@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.full((6, 8), 12), "train_01.png holds the label 12, which the set does not have"),
        (photo(6, 8), "train_01.png holds a colour image, but labels are 8-bit class numbers; get them from https"),
    ],
)
def test_labels_of_another_kind(camvid, labels, sentence):
    save(camvid / "trainannot" / "train_01.png", labels)
    with pytest.raises(ValueError, match=sentence):
        CamVid(camvid)[1]


@pytest.mark.message
def test_labels_of_16_bits(camvid):
    Image.fromarray(np.full((6, 8), 3, np.uint16)).save(camvid / "trainannot" / "train_01.png")
    with pytest.raises(ValueError, match=r"train_01.png holds (uint16|int32) values, but labels are 8-bit"):
        CamVid(camvid)[1]


# Pascal VOC


@pytest.fixture
def voc(tmp_path):
    """Ten training and three validation images, of two more the augmented set has labels only."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    lists = root / "ImageSets" / "Segmentation"
    train, val, more = [f"t{n}" for n in range(10)], ["v0", "v1", "v2"], ["s0", "s1"]
    for number, name in enumerate(train + val + more):
        save(root / "JPEGImages" / f"{name}.jpg", photo(5 + number % 3, 7))
        labels = np.array([0, number + 1, 255, 0, 7])[np.arange(7 * (5 + number % 3)).reshape(-1, 7) % 5]
        if name not in more:
            save(root / "SegmentationClass" / f"{name}.png", labels, colours=palette_of_256())
        save(root / "SegmentationClassAug" / f"{name}.png", np.where(labels == 255, 0, labels))
    write(lists / "train.txt", *train)
    write(lists / "val.txt", *val)
    write(lists / "trainaug.txt", *more, *train, "v1")
    return root


@pytest.mark.parametrize("place", [".", "..", "../.."])
def test_voc_reads_indices_and_void(voc, place):
    data = Voc(voc / place)
    assert data.names == [f"t{n}" for n in range(10)] + ["v0", "v1", "v2"]
    assert (data.classes, data.channels) == (21, 3)
    for number, sample in enumerate(data):
        assert set(np.unique(sample.mask)) == {0, 7, number + 1, VOID}
        stored = np.array(Image.open(voc / "SegmentationClass" / f"{sample.name}.png"))
        assert (sample.mask == stored).all()
    assert check_samples(data) == []


def test_voc_grey_classes_keep_their_index(voc):
    """Class 7, the car, is grey in VOC's palette: a mask of background and cars has grey colours only."""
    save(voc / "SegmentationClass" / "t0.png", np.arange(35).reshape(5, 7) % 2 * 7, colours=palette_of_256())
    assert set(np.unique(Voc(voc)[0].mask)) == {0, 7}


def test_voc_tests_on_val_and_validates_within_train(voc):
    splits = [given_split(Voc(voc, validation=0.3, seed=seed)) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    for split in splits:
        assert split.test == [10, 11, 12]
        assert len(split.validation) == 3
        assert sorted(split.train + split.validation) == list(range(10))
    assert len(given_split(Voc(voc)).validation) == 1


def test_voc_augmented(voc):
    data = Voc(voc, aug=True)
    assert data.names[:3] == ["s0", "s1", "t0"]
    assert [data.names[index] for index in data.split.test] == ["v0", "v1", "v2"], "v1 does not train"
    assert VOID not in data[2].mask
    assert VOID in data[12].mask, "the test has the official labels"
    assert "s0" not in Voc(voc).names


def test_voc_colours():
    """Some of the table at the head of the development kit's VOClabelcolormap.m, and a second way to write it."""
    assert colours()[:4] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    assert colours()[20] == (0, 64, 128)
    assert (np.array(colours()) == palette_of_256()[:21]).all()


@pytest.mark.message
def test_voc_without_files(voc):
    with pytest.raises(ValueError, match="validation is 1"):
        Voc(voc, validation=1)
    (voc / "SegmentationClassAug" / "s1.png").unlink()
    with pytest.raises(ValueError, match=r"no s1.png in .*SegmentationClassAug .*get it from http://home.bharathh"):
        Voc(voc, aug=True)
    (voc / "ImageSets" / "Segmentation" / "trainaug.txt").unlink()
    with pytest.raises(ValueError, match=r"no trainaug.txt in .*Segmentation .*get it from http://home.bharathh"):
        Voc(voc, aug=True)
    (voc / "JPEGImages" / "v2.jpg").unlink()
    with pytest.raises(ValueError, match=r"no v2.jpg in .*JPEGImages .*get it from http://host.robots.ox.ac.uk"):
        Voc(voc)
    (voc / "ImageSets" / "Segmentation" / "val.txt").unlink()
    with pytest.raises(ValueError, match=r"no val.txt in .*Segmentation .*get it from http://host.robots.ox.ac.uk"):
        Voc(voc)


@pytest.mark.message
def test_voc_labels_of_another_set(voc):
    save(voc / "SegmentationClass" / "t3.png", np.full((5, 7), 21))
    with pytest.raises(ValueError, match=r"t3\.png holds the label 21"):
        Voc(voc)[3]
