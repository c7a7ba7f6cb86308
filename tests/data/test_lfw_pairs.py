"""Lists of pairs in LFW's form: found by hand, in LFW's folders and ORL's, and what is wrong."""

import pytest
from PIL import Image

from subband.data.readers.class_folder import ClassFolder
from subband.data.readers.lfw_pairs import lfw_pairs


def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4)).save(path)


@pytest.fixture
def people(tmp_path):
    """LFW's layout for two of its people and ORL's for one more."""
    for number in (1, 2, 10):
        save(tmp_path / "Ada_L" / f"Ada_L_{number:04d}.png")
    save(tmp_path / "Bob" / "Bob_0001.png")
    save(tmp_path / "s2" / "1.png")
    save(tmp_path / "s2" / "10.png")
    save(tmp_path / "s2" / "notes.png")
    return ClassFolder(tmp_path)


def test_lfw_pairs_by_hand(people, tmp_path):
    text = tmp_path / "pairs.txt"
    text.write_text("2\t1\nAda_L\t1\t10\nAda_L\t2\tBob\t1\ns2\t10\t1\nBob\t1\ts2\t10\n")
    pairs = lfw_pairs(text, people)
    names = [(people.names[a], people.names[b]) for a, b in zip(pairs.first, pairs.second, strict=True)]
    assert names == [
        ("Ada_L/Ada_L_0001.png", "Ada_L/Ada_L_0010.png"),
        ("Ada_L/Ada_L_0002.png", "Bob/Bob_0001.png"),
        ("s2/10.png", "s2/1.png"),
        ("Bob/Bob_0001.png", "s2/10.png"),
    ]
    assert (pairs.same, pairs.fold, pairs.label) == ([True, False, True, False], [0, 0, 1, 1], "pairs")


def test_lfw_pairs_of_one_fold_with_blanks(people, tmp_path):
    text = tmp_path / "pairsDevTrain.txt"
    text.write_text("1\nAda_L 1 2\nBob 1 s2 1\n")
    assert lfw_pairs(text, people).fold == [0, 0]


@pytest.mark.message
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with ''; expected the number of folds"),
        ("Ada_L 1 2\n", "begins with 'Ada_L 1 2'"),
        ("2 1\nBob 1 1\n", "has 1 pairs; expected 2 x 2 x 1, as its first line says"),
        ("1\nBob 1 s2 1\nBob 1 1\n", r"pair 1 is 'Bob 1 s2 1'; expected 'person number number' there"),
        ("1\nBob 1 1\nBob 1 1\n", "pair 2 is 'Bob 1 1'; expected 'person number person number' there"),
        ("1\nBob 1 x\nBob 1 s2 1\n", "pair 1 has 'x' in place of an image's number"),
        ("1\nBob 1 3\nBob 1 s2 1\n", r"pair 1 names image 3 of Bob, which is not among the images$"),
        ("1\nBob 1 1\nBobb 1 s2 1\n", "pair 2 names image 1 of Bobb, .*; did you mean 'Bob'"),
    ],
)
def test_lfw_pairs_say_what_is_wrong(people, tmp_path, text, message):
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        lfw_pairs(tmp_path / "p.txt", people)


@pytest.mark.message
def test_lfw_pairs_need_one_image_for_each_number(people, tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        lfw_pairs(tmp_path / "none.txt", people)
    (tmp_path / "p.txt").write_text("1\nBob 1 1\nBob 1 s2 1\n")
    save(tmp_path / "s2" / "0001.png")
    with pytest.raises(ValueError, match=r"s2/1\.png and s2/0001\.png are both image 1 of s2; keep one"):
        lfw_pairs(tmp_path / "p.txt", ClassFolder(tmp_path))
