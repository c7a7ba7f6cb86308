"""RecordIO: files of MXNet's writer, sets written here, and every way in which a file may be damaged."""

import io
import pickle
import struct

import numpy as np
import pytest
from PIL import Image

from subband.data.readers._records import MAGIC, RecordFile
from subband.data.readers.recordio import RecordIO


def part(kind, data):
    return struct.pack("<II", MAGIC, kind << 29 | len(data)) + data + b"\0" * (-len(data) % 4)


def record(data):
    """A record, cut wherever the magic word lies at a whole word."""
    word, pieces, start = struct.pack("<I", MAGIC), [], 0
    for at in range(0, len(data) - 3, 4):
        if data[at : at + 4] == word:
            pieces.append(data[start:at])
            start = at + 4
    pieces.append(data[start:])
    kinds = [0] if len(pieces) == 1 else [1] + [2] * (len(pieces) - 2) + [3]
    return b"".join(part(kind, piece) for kind, piece in zip(kinds, pieces, strict=True))


def labelled(labels, data=b""):
    """A record's content; one label stands in the head itself."""
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], 0, 0) + data
    return struct.pack("<IfQQ", len(labels), 0.0, 0, 0) + np.array(labels, "<f4").tobytes() + data


def encoded(value, size=(5, 4)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255)).save(buffer, "PNG")
    return buffer.getvalue()


def write(folder, records, name="train"):
    """Write ``{key: content}`` in the order given."""
    content, lines = b"", []
    for key, data in records.items():
        lines.append(f"{key}\t{len(content)}\n")
        content += record(data)
    (folder / f"{name}.rec").write_bytes(content)
    (folder / f"{name}.idx").write_text("".join(lines))
    return folder


def layout(labels, *, people=True):
    """insightface's layout for images with these labels, which ascend."""
    count, ends = len(labels), np.cumsum(np.bincount(labels))
    records = {0: labelled([count + 1, count + 1 + (len(ends) if people else 0)])}
    records |= {key: labelled([float(label)], encoded(key)) for key, label in enumerate(labels, 1)}
    if people:
        for number, (first, last) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            records[count + 1 + number] = labelled([first + 1, last + 1])
    return records


@pytest.fixture
def golden(parity):
    return parity / "recognition" / "recordio"


def test_reads_mxnets_files(golden):
    """Labels, pixels, and a record in which the magic word occurs, as written by MXNet."""
    expected = np.load(golden / "tiny_expected.npz")
    reader = RecordIO(golden / "tiny.rec")
    assert len(reader) == expected["n"]
    assert reader.labels == expected["labels"].tolist()
    assert np.bincount(reader.labels).tolist() == expected["ids"].tolist()
    for index, image in enumerate(expected["images"]):
        np.testing.assert_array_equal(np.moveaxis(reader[index].pixels, 0, -1), image)
    records = RecordFile(golden / "tiny.rec")
    assert records.read(int(records.keys[-1])).endswith(expected["payload"].tobytes())


@pytest.mark.parametrize("people", [True, False])
def test_labels_from_people_or_from_every_image(tmp_path, people):
    reader = RecordIO(write(tmp_path, layout([0, 0, 1, 2, 2, 2], people=people)))
    assert reader.labels == [0, 0, 1, 2, 2, 2]
    assert (reader.names[0], reader.classes, reader.channels, reader.split) == ("1", 3, 3, None)
    assert [int(reader[index].pixels[0, 0, 0]) for index in range(6)] == [1, 2, 3, 4, 5, 6]


def test_without_a_head_all_records_are_images(tmp_path):
    """Record 0 is an image too; a label may be the first of several; the order in the file does not matter."""
    records = {5: labelled([3.0, 8.0], encoded(50)), 0: labelled([1.0], encoded(0))}
    reader = RecordIO(write(tmp_path, records))
    assert (reader.names, reader.labels, reader.classes) == (["0", "5"], [1, 3], 4)
    assert reader[1].pixels[0, 0, 0] == 50


def test_counts_that_a_float_cannot_hold(tmp_path):
    """2^24 + 2 images are said to be there; the index says which are."""
    records = {0: labelled([2.0**24 + 2, 2.0**24 + 4])}
    records |= {key: labelled([float(key % 2)], encoded(key)) for key in (1, 2, 3)}
    assert RecordIO(write(tmp_path, records)).labels == [1, 0, 1]


def test_people_that_do_not_cover_the_images_are_left_aside(tmp_path):
    records = layout([0, 0, 1])
    records[4] = labelled([1.0, 2.0])
    assert RecordIO(write(tmp_path, records)).labels == [0, 0, 1]


@pytest.mark.parametrize("data", [b"", b"abc", b"abcd", struct.pack("<I", MAGIC), struct.pack("<III", MAGIC, MAGIC, 7)])
def test_any_record_comes_back(tmp_path, data):
    write(tmp_path, {1: data, 2: b"last"})
    records = RecordFile(tmp_path / "train.rec")
    assert (records.read(1), records.read(2)) == (data, b"last")


def test_a_loader_process_maps_the_file_for_itself(tmp_path):
    reader = RecordIO(write(tmp_path, layout([0, 1])))
    pixels = reader[0].pixels
    assert reader._file._words is not None
    sent = pickle.loads(pickle.dumps(reader))
    assert sent._file._words is None
    np.testing.assert_array_equal(sent[0].pixels, pixels)


def test_finds_the_file_in_a_folder(tmp_path):
    write(tmp_path, layout([0, 1]))
    write(tmp_path, layout([0, 1, 2]), name="other")
    assert RecordIO(tmp_path).classes == 2
    assert RecordIO(tmp_path / "other.rec").classes == 3


@pytest.mark.message
@pytest.mark.parametrize("drop", [1, 4, 30, 400])
def test_a_truncated_file_names_itself_and_the_offset(tmp_path, drop):
    write(tmp_path, layout([0, 0, 1, 1]))
    whole = (tmp_path / "train.rec").read_bytes()
    (tmp_path / "train.rec").write_bytes(whole[:-drop])
    with pytest.raises(
        ValueError, match=rf"train\.rec ends at byte {len(whole) - drop}, within the record at byte \d+"
    ):
        RecordIO(tmp_path)


@pytest.mark.message
def test_a_truncated_image_without_its_index_lines(tmp_path):
    """The index ends with the file, so the last image is the one that is not whole."""
    write(tmp_path, layout([0, 1, 1], people=False))
    whole = (tmp_path / "train.rec").read_bytes()
    last = int((tmp_path / "train.idx").read_text().split()[-1])
    for end in (last + 4, last + 12, len(whole) - 1):
        (tmp_path / "train.rec").write_bytes(whole[:end])
        with pytest.raises(
            ValueError, match=rf"ends at byte {end}, within the record at byte {last}; copy the file again"
        ):
            RecordIO(tmp_path)


@pytest.mark.message
def test_a_truncated_record_of_several_parts(tmp_path):
    write(tmp_path, {1: struct.pack("<III", 1, MAGIC, 7)})
    whole = (tmp_path / "train.rec").read_bytes()
    for end in (len(whole) - 12, len(whole) - 8, len(whole) - 4):
        (tmp_path / "train.rec").write_bytes(whole[:end])
        with pytest.raises(ValueError, match=rf"ends at byte {end}, within the record at byte 0; copy the file again"):
            RecordFile(tmp_path / "train.rec")


@pytest.mark.message
def test_labels_of_every_image_are_looked_up_in_the_right_place(tmp_path):
    write(tmp_path, layout([0, 1, 1], people=False))
    keys, offsets = np.loadtxt(tmp_path / "train.idx", dtype=int).T
    np.savetxt(tmp_path / "train.idx", np.stack([keys, offsets + 4 * (keys == 1)], 1), "%d")
    with pytest.raises(ValueError, match=rf"has no record at byte {offsets[1] + 4}"):
        RecordIO(tmp_path)
    write(tmp_path, {0: labelled([3.0, 3.0]), 1: labelled([0.0]), 2: b"short"})
    with pytest.raises(ValueError, match="within the record at byte"):
        RecordIO(tmp_path)


@pytest.mark.message
def test_an_index_of_another_file(tmp_path):
    write(tmp_path, layout([0, 0, 1]))
    index = tmp_path / "train.idx"
    keys, offsets = np.loadtxt(index, dtype=int).T
    for wrong, message in (
        (offsets + 4 * (keys == 2), r"has no record at byte \d+, where train\.idx .* do not belong together"),
        (offsets + (keys == 2), r"has no record at byte \d+"),
        (offsets + 10**6 * (keys == 2), r"within the record at byte 10\d+"),
    ):
        np.savetxt(index, np.stack([keys, wrong], 1), "%d")
        with pytest.raises(ValueError, match=message):
            RecordIO(tmp_path)[1]
    np.savetxt(index, np.stack([keys, offsets], 1)[keys != 2], "%d")
    with pytest.raises(ValueError, match=r"train\.idx has no key 2, which train\.rec needs"):
        RecordIO(tmp_path)
    index.write_text("0\t0\n0\t0\n")
    with pytest.raises(ValueError, match="has the key 0 twice"):
        RecordIO(tmp_path)
    index.write_text("0\t0\nzero\n")
    with pytest.raises(ValueError, match=r"is no index of 'key offset' lines"):
        RecordIO(tmp_path)


@pytest.mark.message
def test_says_what_is_wrong_with_a_set(tmp_path):
    with pytest.raises(ValueError, match=r"holds no \.rec file \(it is empty\); expected one, see https"):
        RecordIO(tmp_path)
    (tmp_path / "train.rec").touch()
    with pytest.raises(ValueError, match=r"train\.rec is empty; a RecordIO set is \.rec \+ \.idx"):
        RecordIO(tmp_path)
    (tmp_path / "train.rec").write_bytes(b"1234")
    with pytest.raises(ValueError, match=r"train\.idx is missing"):
        RecordIO(tmp_path)
    write(tmp_path, layout([0, 0, 0]))
    with pytest.raises(ValueError, match=r"has 3 image\(s\) of 1 identity; expected 2 identities or more"):
        RecordIO(tmp_path)
    write(tmp_path, {1: labelled([-1.0]), 2: labelled([4.0])})
    with pytest.raises(ValueError, match="has the label -1; expected numbers from 0 on"):
        RecordIO(tmp_path)
    records = layout([0, 0, 1])
    records[1], records[2] = labelled([0.0], b"no image"), labelled([5.0], encoded(2))
    reader = RecordIO(write(tmp_path, records))
    with pytest.raises(ValueError, match=r"train\.rec: image 1 cannot be read as an image \(it is of no known kind\)"):
        reader[0]
    with pytest.raises(ValueError, match="image 2 has the label 5, but its person's record says 0"):
        reader[1]
