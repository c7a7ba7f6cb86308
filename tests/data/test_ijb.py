"""IJB: small files of its form, by hand."""

import numpy as np
import pytest
from PIL import Image

from subband.data.face_alignment import TEMPLATE, align_face
from subband.data.readers.ijb import Ijb


@pytest.fixture
def ijbc(tmp_path):
    """Four images of three templates; the second one's face lies 9 pixels to the right."""
    meta = tmp_path / "meta"
    meta.mkdir()
    (tmp_path / "loose_crop").mkdir()
    generator = np.random.default_rng(0)
    points = []
    for number in range(1, 5):
        picture = generator.integers(0, 256, (120, 140, 3)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / "loose_crop" / f"{number}.png")
        landmarks = TEMPLATE + np.array([9 * (number == 2), 0])
        points.append(f"{number}.png " + " ".join(f"{v:.4f}" for v in landmarks.ravel()) + f" 0.9{number}")
    (meta / "ijbc_face_tid_mid.txt").write_text("1.png 7 70\n2.png 7 71\n3.png 3 70\n4.png 12 5\n")
    (meta / "ijbc_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    (meta / "ijbc_template_pair_label.txt").write_text("7 3 1\n3 12 0\n")
    for part, text in (("gallery_G1", "3,100"), ("gallery_G2", "12,101"), ("probe_mixed", "7,100")):
        (meta / f"ijbc_1N_{part}.csv").write_text(f"TEMPLATE_ID,SUBJECT_ID\n{text}\n")
    return tmp_path


def test_reads_every_list(ijbc):
    reader = Ijb(ijbc)
    assert reader.names == ["1.png", "2.png", "3.png", "4.png"]
    assert reader.templates.tolist() == [7, 7, 3, 12]
    assert reader.media.tolist() == [70, 71, 70, 5]
    assert (reader.labels, reader.class_names) == ([1, 1, 0, 2], ["3", "7", "12"])
    np.testing.assert_allclose(reader.scores, [0.91, 0.92, 0.93, 0.94])
    np.testing.assert_allclose(reader.landmarks[1], TEMPLATE + np.array([9, 0]), atol=1e-9)
    pairs = reader.pairs()
    assert [each.tolist() for each in (pairs.first, pairs.second, pairs.same)] == [[7, 3], [3, 12], [True, False]]
    assert [(part.templates.tolist(), part.subjects.tolist()) for part in reader.galleries()] == [
        ([3], [100]),
        ([12], [101]),
    ]
    assert reader.probes().templates.tolist() == [7]


def test_images_are_aligned_by_their_points(ijbc):
    reader = Ijb(ijbc)
    picture = np.moveaxis(np.asarray(Image.open(ijbc / "loose_crop" / "2.png")), -1, 0)
    np.testing.assert_array_equal(reader[1].pixels, picture[:, :112, 9:121])
    np.testing.assert_array_equal(Ijb(ijbc, size=56)[1].pixels, align_face(picture, reader.landmarks[1], size=56))


def test_ijbb_has_galleries_of_its_own(ijbc):
    for path in (ijbc / "meta").iterdir():
        name = path.name.replace("ijbc", "ijbb").replace("G1", "S1").replace("G2", "S2")
        path.rename(path.with_name(name))
    assert Ijb(ijbc, name="ijbb").galleries()[1].templates.tolist() == [12]


@pytest.mark.message
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("face_tid_mid.txt", "1.png 7\n", r"rows of 2 fields or gaps; expected 3"),
        ("face_tid_mid.txt", "1.png 7 70\n2.png 7 71\n", "has 2 images and .* 4, and they differ from line 3 on"),
        ("face_tid_mid.txt", "1.png 7 70\n2.png 7 71\n4.png 3 1\n3.png 1 1\n", "differ from line 3 on"),
        ("face_tid_mid.txt", "1.png a 70\n2.png 7 71\n3.png 3 1\n4.png 1 1\n", "'a' stands where a whole number"),
        ("face_tid_mid.txt", "", "cannot be read as a table"),
        ("template_pair_label.txt", "7 99 1\n", "names the template 99, which has no image"),
        ("template_pair_label.txt", "7 3 2\n", "has labels beside 0 and 1"),
        ("1N_gallery_G1.csv", "T,S\n98,1\n", "ijbc_1N_gallery_G1.csv names the template 98"),
        ("1N_gallery_G2.csv", "T\n98\n", "rows of 1 fields or gaps; expected 2 or more"),
    ],
)
def test_says_which_list_is_wrong(ijbc, file, text, message):
    (ijbc / "meta" / f"ijbc_{file}").write_text(text)

    def use():
        reader = Ijb(ijbc)
        reader.pairs()
        reader.galleries()

    with pytest.raises(ValueError, match=message):
        use()


@pytest.mark.message
def test_says_what_is_missing(ijbc):
    with pytest.raises(ValueError, match="name is 'ijba', but must be one of ijbb, ijbc"):
        Ijb(ijbc, name="ijba")
    (ijbc / "loose_crop" / "3.png").unlink()
    with pytest.raises(ValueError, match=r"3\.png cannot be read as an image"):
        Ijb(ijbc)[2]
    (ijbc / "meta" / "ijbc_1N_probe_mixed.csv").unlink()
    with pytest.raises(ValueError, match=r"there is no ijbc_1N_probe_mixed\.csv in .*; get it from https"):
        Ijb(ijbc).probes()
