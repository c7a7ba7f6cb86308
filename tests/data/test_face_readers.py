"""`.bin` files of pairs, CSV lists and tar shards of faces."""

import io
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import KFold

from subband.data import Split
from subband.data.readers.face_bin import FaceBin
from subband.data.readers.face_list import FaceList
from subband.data.readers.face_shards import FaceShards


def encoded(value):
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), (value, 0, 255)).save(buffer, "PNG")
    return buffer.getvalue()


def save(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(value))


def test_bin_is_as_written_by_the_authors(parity):
    folder = parity / "recognition" / "recordio"
    expected = np.load(folder / "tiny_bin_expected.npz")
    reader = FaceBin(folder / "tiny.bin")
    assert reader.pairs.same == expected["issame"].tolist()
    assert [(a, b) for a, b in zip(reader.pairs.first, reader.pairs.second, strict=True)] == [
        (2 * i, 2 * i + 1) for i in range(len(expected["issame"]))
    ]
    for index, image in enumerate(expected["images"]):
        np.testing.assert_array_equal(np.moveaxis(reader[index].pixels, 0, -1), image)


@pytest.mark.parametrize("protocol", [2, 3, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize(("pairs", "folds"), [(23, 10), (40, 10), (4, 10), (9, 2)])
def test_bin_folds_are_scikit_learns(tmp_path, protocol, pairs, folds):
    path = tmp_path / "lfw.bin"
    path.write_bytes(
        pickle.dumps(([encoded(7)] * 2 * pairs, [True, False] * (pairs // 2) + [1] * (pairs % 2)), protocol)
    )
    reader = FaceBin(path, folds=folds)
    theirs = np.zeros(pairs, int)
    for number, (_, test) in enumerate(KFold(min(folds, pairs)).split(theirs)):
        theirs[test] = number
    assert reader.pairs.fold == theirs.tolist()
    assert (reader.pairs.label, len(reader), reader.class_names) == ("lfw", 2 * pairs, ["unknown"])
    assert reader.pairs.same[-1] is bool(pairs % 2)


class Run:
    """Writes a file when it is unpickled by a reader that lets it."""

    def __init__(self, target, call=os.mkdir):
        self.target, self.call = str(target), call

    def __reduce__(self):
        return self.call, (self.target,)


@pytest.mark.message
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("call", [os.mkdir, eval, open])
def test_bin_runs_nothing(tmp_path, protocol, call):
    target = tmp_path / "made"
    argument = f"__import__('os').mkdir({str(target)!r})" if call is eval else target
    path = tmp_path / "evil.bin"
    path.write_bytes(pickle.dumps(([Run(argument, call)], [True]), protocol))
    with pytest.raises(
        ValueError, match=r"evil\.bin is no \.bin file of pairs \(it asks for .*\); nothing of it was run"
    ):
        FaceBin(path)
    assert not target.exists()
    if call is os.mkdir:
        pickle.loads(path.read_bytes())
        assert target.exists(), "the same file runs where it may, so the test can fail"


@pytest.mark.message
@pytest.mark.parametrize(
    "opcodes", [b"c__main__\nx\n.", b"cbuiltins\ngetattr\n.", b"Pwhatever\n.", b"c_codecs\nlookup\n."]
)
def test_bin_refuses_single_names(tmp_path, opcodes):
    (tmp_path / "x.bin").write_bytes(opcodes)
    with pytest.raises(ValueError, match="nothing of it was run"):
        FaceBin(tmp_path / "x.bin")


@pytest.mark.message
def test_bin_says_what_is_wrong(tmp_path):
    path = tmp_path / "x.bin"
    with pytest.raises(ValueError, match="there is no file"):
        FaceBin(path)
    whole = pickle.dumps(([encoded(1)] * 4, [True, False]))
    for content in (b"", whole[:-20], b"\x80\x04K\x01.", pickle.dumps((1, 2)), b"c_codecs\nencode\n(V1\nVrot13\ntR."):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.bin is no \.bin file of pairs"):
            FaceBin(path)
    for content in (([encoded(1)] * 3, [True, False]), (["text", "text"], [True]), ([b"", b""], [7]), ([], [])):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(ValueError, match="expected a list of two encoded images for each truth value"):
            FaceBin(path)
    path.write_bytes(pickle.dumps(([b"no image"] * 4, [True, False])))
    with pytest.raises(ValueError, match=r"x\.bin: image 3 cannot be read as an image \(it is of no known kind\)"):
        FaceBin(path)[3]


def test_face_list_by_hand(tmp_path):
    for name, value in (("a/x.png", 1), ("a/y.png", 2), ("b z.png", 3)):
        save(tmp_path / "images" / name, value)
    path = tmp_path / "faces.csv"
    path.write_text("﻿identity; file ;part;age\n10;a/x.png;test;3\n9;a/y.png;train;\n10;b z.png;train;4\n")
    reader = FaceList(path, root=tmp_path / "images")
    assert (reader.class_names, reader.labels) == (["9", "10"], [1, 0, 1])
    assert reader.split == Split([1, 2], [], [0])
    assert [int(reader[index].pixels[0, 0, 0]) for index in range(3)] == [1, 2, 3]
    path.write_text("file,identity\nimages/a/x.png,Zoe\nimages/a/y.png,Ada\n")
    reader = FaceList(path, channels=1)
    assert (reader.class_names, reader.labels, reader.split) == (["Ada", "Zoe"], [1, 0], None)
    assert reader[0].pixels.shape == (1, 4, 5)


@pytest.mark.message
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has the columns \[\], but no 'file'"),
        (
            "file,identty\nx.png,1\n",
            r"has the columns \['file', 'identty'\], but no 'identity'; did you mean 'identty'",
        ),
        ("file,identity\n", "lists no image"),
        ("file,identity\nx.png,1\nx.png\n", r"line 3 is 'x\.png,None'; expected a file and an identity$"),
        ("file,identity,part\nx.png,1,val\n", r"line 2 is .*a part out of train, validation, test"),
        ("file,identity\nx.png,1\nz.png,1\n", r"line 3 names z\.png, which is not in"),
        ("file,identity\nx.png,1\ny.png,1\n", "has the identity '1' only; expected 2 identities or more"),
    ],
)
def test_face_list_says_what_is_wrong(tmp_path, text, message):
    for name in ("x.png", "y.png"):
        save(tmp_path / name)
    (tmp_path / "faces.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        FaceList(tmp_path / "faces.csv")


@pytest.mark.message
def test_face_list_must_be_text(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*faces\.csv"):
        FaceList(tmp_path / "faces.csv")
    (tmp_path / "faces.csv").write_bytes(b"file,identity\n\xff\xfe,1\n")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        FaceList(tmp_path / "faces.csv")


def write_shard(path, files):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(content)
            archive.addfile(member, None if content is None else io.BytesIO(content))


def test_face_shards_by_hand(tmp_path):
    """Two shards, labels before and after their images, as numbers, in JSON, and under a name of it."""
    write_shard(
        tmp_path / "f-0.tar",
        {"p": None, "p/0.jpg": encoded(10), "p/0.cls": b"2\n", "p/0.txt": b"left aside", "1.cls": b"0", "1.x.png": b"?",
         "1.PNG": encoded(20)},
    )  # fmt: skip
    write_shard(
        tmp_path / "f-1.tar", {"0.json": b"3", "0.png": encoded(30), "1.png": encoded(40), "1.json": b'{"label": 0}'}
    )
    reader = FaceShards(tmp_path)
    assert reader.names == ["f-0/p/0", "f-0/1", "f-1/0", "f-1/1"]
    assert (reader.labels, reader.classes) == ([2, 0, 3, 0], 4)
    for reading in (reader, pickle.loads(pickle.dumps(reader))):
        assert [int(reading[index].pixels[0, 0, 0]) for index in range(4)] == [10, 20, 30, 40]


def test_face_shards_take_another_name_of_the_label(tmp_path):
    write_shard(tmp_path / "s.tar", {f"{i}.{kind}": content for i in range(2) for kind, content in
                                     (("jpg", encoded(i)), ("json", json.dumps({"id": i}).encode()))})  # fmt: skip
    assert FaceShards(tmp_path / "s.tar", json_key="id").labels == [0, 1]
    with pytest.raises(ValueError, match=r"0\.json has the names \['id'\], but no 'label'"):
        FaceShards(tmp_path / "s.tar")


@pytest.mark.message
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.jpg": b"x"}, r"s\.tar: a has an image and no label; expected a\.cls or a\.json beside it"),
        ({"a.jpg": b"x", "a.cls": b"one"}, r"a\.cls holds b'one', which is no label"),
        ({"a.jpg": b"x", "a.json": b'"1"'}, r"a\.json has the label '1'; expected a whole number"),
        ({"a.jpg": b"x", "a.cls": b"1"}, r"has 1 image\(s\) of 1 identity"),
        ({"a.jpg": b"x", "a.cls": b"-1", "b.jpg": b"x", "b.cls": b"1"}, "has the label -1"),
    ],
)
def test_face_shards_say_what_is_wrong(tmp_path, files, message):
    write_shard(tmp_path / "s.tar", files)
    with pytest.raises(ValueError, match=message):
        FaceShards(tmp_path)


@pytest.mark.message
def test_face_shards_that_are_damaged(tmp_path):
    with pytest.raises(ValueError, match=r"holds no \.tar file \(it is empty\)"):
        FaceShards(tmp_path)
    path = tmp_path / "s.tar"
    with pytest.raises(ValueError, match=r"s\.tar holds no \.tar file \(there is no such folder\)"):
        FaceShards(path)
    write_shard(path, {"a.cls": b"0", "a.jpg": b"no image", "b.cls": b"1", "b.jpg": encoded(1) * 40})
    with pytest.raises(ValueError, match=r"s\.tar: s/a cannot be read as an image"):
        FaceShards(path)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: 7 * 512 + 700])
    with pytest.raises(
        ValueError, match=rf"s\.tar cannot be read as a shard \(it ends at byte {7 * 512 + 700}, within b\.jpg"
    ):
        FaceShards(path)
    path.write_bytes(b"\x1f\x8b" + bytes(600))
    with pytest.raises(ValueError, match=r"s\.tar cannot be read as a shard"):
        FaceShards(path)
    assert not list(Path(tmp_path).glob("*.jpg")), "nothing is unpacked"
