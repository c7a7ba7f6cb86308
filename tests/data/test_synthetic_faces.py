"""Synthetic faces: a person stays the same, pictures differ, and parts and landmarks are where they are drawn."""

import dataclasses

import numpy as np
import pytest

from subband.data import synthetic_faces
from subband.data._face_drawing import PARTS, canvas, seen_at
from subband.data._face_traits import COVERS, some_person, some_view
from subband.data.face_alignment import align_face
from subband.data.synthetic_faces import SyntheticFaces


def test_a_picture_depends_on_seed_person_and_number_alone():
    many, few = (
        SyntheticFaces(identities=9, images=3, size=32),
        SyntheticFaces(identities=2, images=3, size=32, first=4),
    )
    assert few.names == many.names[12:18]
    np.testing.assert_array_equal(few[5].pixels, many[17].pixels)
    other = SyntheticFaces(identities=2, images=3, size=32, first=4, seed=1)
    assert (other[5].pixels != few[5].pixels).any()


def test_it_is_a_set_of_classes():
    faces = SyntheticFaces(identities=4, images=2, size=24, first=3)
    assert (len(faces), faces.classes, faces.channels, faces.split) == (8, 4, 3, None)
    assert faces.class_names == ["person_0003", "person_0004", "person_0005", "person_0006"]
    assert faces.labels == [0, 0, 1, 1, 2, 2, 3, 3]
    assert faces[-1].pixels.shape == (3, 24, 24)
    assert faces[-1].pixels.dtype == np.uint8


def test_parts_do_not_overlap_and_most_are_seen():
    faces = SyntheticFaces(identities=20, images=2, size=48)
    masks = np.stack([faces.parts(index) for index in range(len(faces))])
    assert masks.shape == (40, len(faces.part_names), 48, 48)
    assert masks.sum(1).max() == 1
    shares = masks.mean((2, 3))
    for part, least in (("skin", 0.05), ("hair", 0.02), ("eyes", 0.004), ("nose", 0.004), ("mouth", 0.002)):
        assert (shares[:, PARTS.index(part)] > least).mean() > 0.8, part
    order = [masks[:, PARTS.index(part)].nonzero()[1].mean() for part in ("hair", "brows", "eyes", "nose", "mouth")]
    assert order[1:] == sorted(order[1:]), "from the brows down to the mouth"


def test_landmarks_lie_on_their_parts():
    """Eyes and nose on them, the mouth's corners within two pixels of it, but where something hides them."""
    faces = SyntheticFaces(identities=30, images=1, size=96, variation=0.5)
    found = []
    for index in range(len(faces)):
        drawn = faces.draw(index)
        parts = [PARTS[drawn.owner[round(y), round(x)]] for x, y in drawn.landmarks[:3]]
        mouth = np.argwhere(drawn.owner == PARTS.index("mouth"))[:, ::-1]
        away = [np.hypot(*(mouth - corner).T).min() if len(mouth) else np.inf for corner in drawn.landmarks[3:]]
        found.append(
            [*(part == wanted for part, wanted in zip(parts, ("eyes", "eyes", "nose"), strict=True)), max(away) < 2.5]
        )
    assert (np.mean(found, 0) > 0.8).all()


def test_landmarks_turn_with_the_picture():
    """A roll by a right angle brings a point to the right of the middle below it."""
    plain = some_view(np.random.default_rng(0), 0.0)
    turned = dataclasses.replace(plain, roll=np.pi / 2)
    x, y = seen_at((0.3, 0.0), plain, 100)
    np.testing.assert_allclose(seen_at((0.3, 0.0), turned, 100), [49.5, x], atol=1e-9)
    assert x > y == 49.5


def test_pixels_and_landmarks_have_one_geometry():
    """The pixel at which a point of the face is seen is the one whose place on the face is that point."""
    for seed in range(5):
        view = some_view(np.random.default_rng(seed), 1.0)
        drawing = canvas(view, 200)
        for point in ((-0.3, -0.1), (0.3, -0.1), (0.0, 0.3)):
            column, row = (round(value) for value in seen_at(point, view, 200))
            assert drawing.u[row, column] == pytest.approx(point[0], abs=0.03)
            assert drawing.v[row, column] == pytest.approx(point[1], abs=0.03)


def test_without_variation_only_grounds_and_clothes_differ():
    faces = SyntheticFaces(identities=2, images=3, size=48, variation=0)
    masks = [faces.parts(index) for index in range(3)]
    np.testing.assert_array_equal(masks[0], masks[1])
    face = masks[0][PARTS.index("nose")]
    np.testing.assert_array_equal(faces[0].pixels[:, face], faces[2].pixels[:, face])
    assert (faces[0].pixels != faces[2].pixels).any()
    assert (faces.landmarks(0) == faces.landmarks(1)).all()


def test_one_person_is_more_alike_than_two():
    """Mean colour of skin, hair and eyes by person: the differences within a person are smaller."""
    faces = SyntheticFaces(identities=12, images=4, size=32)
    features = []
    for index in range(len(faces)):
        image, parts = faces[index].image, faces.parts(index)
        features.append([image[:, mask].mean(1) if mask.any() else np.full(3, np.nan) for mask in parts[[4, 5]]])
    table = np.array(features).reshape(12, 4, 6)
    assert (np.nanvar(table, 1).mean(0) < 0.6 * np.nanvar(table.reshape(48, 6), 0)).all()


@pytest.mark.parametrize("cover", COVERS)
def test_covers_hide_what_they_lie_on(cover, monkeypatch):
    """Sunglasses leave no eye to be seen and a scarf no mouth; glasses leave the eyes."""

    def view(generator, variation):
        return dataclasses.replace(some_view(generator, 0.0), cover=cover)

    monkeypatch.setattr(synthetic_faces, "some_view", view)
    for seed in range(4):
        parts = SyntheticFaces(identities=2, images=1, size=64, seed=seed).parts(0)
        eyes, mouth = (parts[PARTS.index(part)].sum() for part in ("eyes", "mouth"))
        assert (eyes == 0) == (cover == "sunglasses") or cover == "patch"
        assert (mouth == 0) == (cover == "scarf") or cover == "patch"


def test_a_drawn_face_can_be_aligned():
    """Eyes end at the template's places, so the middle of each is much the same in every aligned picture."""
    faces = SyntheticFaces(identities=2, images=4, size=96, variation=0.6)
    aligned = [align_face(faces[index].pixels, faces.landmarks(index)) for index in range(4)]
    assert {face.shape for face in aligned} == {(3, 112, 112)}
    assert np.std([face[:, 45:60, 30:82].mean() for face in aligned]) < 60


def test_every_trait_is_drawn_within_its_range():
    people = [some_person(np.random.default_rng(seed)) for seed in range(50)]
    assert all(0 <= person.skin.min() <= person.skin.max() <= 1 for person in people)
    assert len({person["width"] for person in people}) == 50


@pytest.mark.message
def test_says_what_is_out_of_range():
    with pytest.raises(ValueError, match="identities is 1 and size 64, but must be at least 2 people and 24 pixels"):
        SyntheticFaces(identities=1)
    with pytest.raises(ValueError, match="images is 0"):
        SyntheticFaces(images=0)
    with pytest.raises(ValueError, match="first is -1"):
        SyntheticFaces(first=-1)
