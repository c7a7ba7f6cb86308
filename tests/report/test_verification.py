"""The page about a verification: its numbers, its pictures, its escapes; and what one threshold costs."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from subband.metrics.roc import most_accurate_point, point_at, roc_curve
from subband.metrics.verification import equal_error_point, operating_point, ten_fold
from subband.metrics.verification_summary import Interval
from subband.report._verification_figures import MOST_POINTS, Mark, Shown, _shown_points, score_figure
from subband.report._verification_tables import (
    one_threshold_table,
    published_rows,
    rate_name,
    rate_table,
    rule_table,
    threshold_table,
)
from subband.report.verification import (
    ScoredSet,
    drawn_words,
    marks,
    measured,
    pooled,
    usual_fars,
    verdict,
    write_verification,
)


def some(seed, pairs=300, shift=0.0):
    random = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    return np.clip(random.normal(size=pairs) * 0.15 + 0.4 * same + shift, -1, 1), same


def found(*labels, fars=(0.1, 0.01), resamples=20):
    shifts = (0.0, 0.1, -0.1)
    sets = [ScoredSet(label, *some(place, shift=shifts[place])) for place, label in enumerate(labels)]
    return [measured(each, fars, resamples, 0) for each in sets]


@pytest.mark.slow
def test_page_stands_alone(tmp_path):
    sets = [("lfw", *some(0)), ScoredSet("<b>mine & yours", *some(1), folds=5)]
    path = write_verification(tmp_path, sets, learned=0.25, title="Faces & <names>", facts="a < b", resamples=10)
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "verification.html"
    assert "Faces &amp; &lt;names&gt;" in page
    assert "a &lt; b" in page
    assert "&lt;b&gt;mine &amp; yours" in page
    assert "<b>mine" not in page
    assert "http" not in page
    assert "learnt: 0.250" in page
    assert "99.41" in page
    for name in ("scores.png", "curves.png"):
        with Image.open(tmp_path / name) as image:
            assert image.width > 1000
    accuracy = ten_fold(*some(0)).mean
    assert f"{100 * accuracy:.2f}" in page
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.slow
@pytest.mark.parametrize("learned", [None, float("nan")])
def test_a_head_without_a_threshold(tmp_path, learned):
    page = write_verification(tmp_path, [("ORL", *some(0))], learned=learned, resamples=5).read_text()
    assert "learnt" not in page
    assert "The threshold at equal error" in page
    assert "None of these sets is one that the papers report" in page
    assert "<details><summary>31 networks" in page


def test_rates_by_hand():
    table = rate_table(found("a", fars=(0.1, 0.001)), (0.1, 0.001))
    assert table["header"] == ["set", "pairs", "ten-fold accuracy", "EER", "TAR@FAR 1e-1", "TAR@FAR 1e-3", "AUC"]
    scores, same = some(0)
    tar = operating_point(scores, same, 0.1).tar
    row = table["rows"][0]
    assert row[1] == ("300", "150 of one person")
    assert row[2][0] == f"{100 * ten_fold(scores, same).mean:.2f}"
    assert row[4][0] == f"{100 * tar:.2f}"
    assert row[5] == ("–", "")  # 150 impostor pairs cannot tell one in a thousand
    assert row[6][0] == f"{100 * roc_curve(scores, same).auc:.2f}"


def test_what_one_threshold_costs():
    sets = found("a", "b")
    whole = pooled(sets)
    table = one_threshold_table(sets, whole, 0.2)
    names = [row[0][0] for row in table["rows"]]
    assert names == [
        "learnt",
        "all sets together: equal error",
        "all sets together: most accurate",
        "a: most accurate",
        "b: most accurate",
    ]
    points = [point_at(each.scores, each.same, 0.2) for each in sets]
    costs = [
        most_accurate_point(each.scores, each.same).accuracy - point.accuracy
        for each, point in zip(sets, points, strict=True)
    ]
    row = table["rows"][0]
    assert row[1][0] == "0.200"
    for cell, point, cost in zip(row[2:4], points, costs, strict=True):
        assert cell[0] == f"{100 * point.accuracy:.2f}"
        assert cell[1] == f"costs {100 * cost:.2f}, FAR {100 * point.far:.2f}, FRR {100 * point.frr:.2f}"
    assert row[4] == (f"{50 * (points[0].accuracy + points[1].accuracy):.2f}", f"costs {50 * sum(costs):.2f}")
    assert row[5][0] == f"{100 * max(costs):.2f}"
    assert table["rows"][3][2][1].startswith("costs 0.00")
    assert f"0.200, costs {50 * sum(costs):.2f} points of accuracy on average, {100 * max(costs):.2f} at worst" in (
        verdict(sets, whole, 0.2)
    )


def test_one_set_has_no_mean():
    table = one_threshold_table(found("a"), pooled(found("a")), None)
    assert table["header"] == ["one threshold", "at", "a"]
    assert [row[0][0] for row in table["rows"]] == ["a: equal error", "a: most accurate"]


def test_rules_and_thresholds():
    sets = found("a", fars=(0.1, 0.001))
    scores, same = some(0)
    table = rule_table(sets, (0.1, 0.001))
    assert len(table["rows"]) == 1
    point = operating_point(scores, same, 0.1, rule="nearest")
    assert table["rows"][0][3] == (f"{100 * point.tar:.2f}", f"FAR {point.far:.3g}")
    own = threshold_table(sets, (0.1, 0.001))
    assert own["rows"][0][4] == ("–", "")
    assert own["rows"][0][1][0] == f"{most_accurate_point(scores, same).threshold:.3f}"


def test_lines():
    sets = found("a", "b")
    lines = marks(pooled(sets), 0.3, (0.1, 1e-6))
    assert [(line.name, line.dashes) for line in lines] == [("learnt", "-"), ("equal error", "--"), ("FAR 1e-1", ":")]
    assert lines[1].value == equal_error_point(*pooled(sets)).threshold


def test_published_sets_are_set_beside_ours():
    table = published_rows(found("agedb_30", "IJB-C", fars=(0.1,)))
    assert table["shared"]
    assert table["header"][3:6] == ["LFW", "CFP-FP", "AgeDB-30"]
    assert table["ours"][5] == f"{100 * ten_fold(*some(0)).mean:.2f}"
    assert table["ours"][6:8] == ["–", "–"]  # too few pairs
    assert not published_rows(found("ORL"))["shared"]


def test_ijb_rates_where_there_are_pairs_enough():
    one = measured(ScoredSet("ijbc", *some(0, pairs=40_000)), (0.1,), 1, 0)
    tar = operating_point(one.scores, one.same, 1e-4).tar
    assert published_rows([one])["ours"][6:8] == [f"{100 * tar:.2f}", "–"]


def test_words():
    assert usual_fars([3000, 100]) == (0.1, 0.01, 0.001)
    assert usual_fars([10_000_000]) == (1e-4, 1e-5, 1e-6)
    assert usual_fars([5]) == ()
    assert (rate_name(1e-6), rate_name(0.1), rate_name(0.05), rate_name(0)) == ("1e-6", "1e-1", "0.05", "0")
    assert drawn_words(found("a", "b")) == "20 draws of pairs"
    people = np.stack([np.zeros(300), np.arange(300) % 2], 1)
    other = measured(ScoredSet("c", *some(0), identities=people), (), 20, 0)
    assert drawn_words([*found("a"), other]) == "20 draws of pairs in a; 20 draws of people in c"


def test_tiny_and_infinite_sets_are_drawn():
    curve = roc_curve([0.5, -np.inf], [True, False])
    own = {"equal error": Interval(0.5, 0.4, 0.6)}
    one = Shown("tiny", np.array([0.5]), np.array([-np.inf]), curve, own)
    drawing = score_figure([one], [Mark("learnt", 0.5, "-"), Mark("equal error", 0.5, "--")])
    assert "learnt: 0.500" in drawing.svg
    Image.open(io.BytesIO(drawing.png)).verify()


def test_long_curves_are_drawn_with_few_points():
    scores, same = some(0, pairs=100_000)
    curve = roc_curve(scores, same)
    places = _shown_points(curve)
    assert len(places) <= 2 * MOST_POINTS
    shown = np.interp(np.geomspace(1e-4, 1, 200), curve.far[places], curve.tar[places])
    assert np.abs(shown - np.interp(np.geomspace(1e-4, 1, 200), curve.far, curve.tar)).max() < 0.01


@pytest.mark.message
def test_errors_name_the_set(tmp_path):
    with pytest.raises(ValueError, match="there is no set of pairs to report; give at least one"):
        write_verification(tmp_path, [])
    with pytest.raises(ValueError, match="ORL: all 4 pairs are of one person each; verification needs pairs of both"):
        write_verification(tmp_path, [("ORL", [0.1] * 4, [True] * 4)])
    with pytest.raises(ValueError, match="small: folds is 10, but must be between 2 and the number of pairs, 4"):
        write_verification(tmp_path, [("small", [0.1] * 4, [True, False] * 2)])
    assert not list(tmp_path.iterdir())
