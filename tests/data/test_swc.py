import numpy as np
import pytest

from subband.data.swc import check_swc, read_swc, swc_findings, write_swc
from subband.transforms.tree import Tree

GOOD = "# id type x y z r parent\n1 1 10 20 30 2.5 -1\n2 3 11 20 30 1 1\n"
CASES = {
    "loop": ("1 1 0 0 0 1 -1\n2 3 0 0 1 1 3\n3 3 0 0 2 1 2\n", "line 2: node 2 is its own ancestor"),
    "own parent": ("1 1 0 0 0 1 -1\n2 3 0 0 1 1 2\n", "line 2: node 2 is its own ancestor"),
    "missing parent": ("1 1 0 0 0 1 -1\n2 3 0 0 1 1 7\n", "line 2: parent 7 does not exist"),
    "negative radius": ("1 1 0 0 0 1 -1\n2 3 0 0 1 -0.5 1\n", "line 2: radius is -0.5, but must be 0 or greater"),
    "no number": ("1 1 0 0 0 1 -1\n2 3 0 zero 1 1 1\n", "line 2: 'zero' is not a number"),
    "not finite": ("1 1 0 0 0 nan -1\n", "line 1: radius is nan, but must be a finite number"),
    "fraction": ("1.5 1 0 0 0 1 -1\n", "line 1: id is 1.5, but must be a whole number"),
    "columns": ("# head\n1 1 0 0 0\n", "line 2: there are 5 columns, but 7 are needed"),
    "id twice": ("1 1 0 0 0 1 -1\n1 3 0 0 1 1 1\n", "line 2: id 1 is used already in line 1"),
    "negative id": ("-3 1 0 0 0 1 -1\n", "line 1: id is -3, but must be 0 or greater"),
    "negative type": ("1 -2 0 0 0 1 -1\n", "line 1: type is -2, but must be 0 or greater"),
    "empty": ("# nothing\n\n", "there is no node; a line of one holds id type x y z radius parent"),
}


@pytest.fixture
def swc(tmp_path):
    """Writes a text as a file."""

    def write(text):
        path = tmp_path / "neuron.swc"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_by_hand(swc):
    tree = read_swc(swc(GOOD))
    assert tree.positions.tolist() == [[30, 20, 10], [30, 20, 11]]
    assert (tree.radii.tolist(), tree.parents.tolist(), tree.kinds.tolist()) == ([2.5, 1], [-1, 0], [1, 3])


@pytest.mark.parametrize(
    "text",
    [
        "2 3 11 20 30 1 1\n1 1 10 20 30 2.5 -1\n",
        "\ufeff# ORIGINAL\r\n\r\n 7\t1\t10\t20\t30\t2.5\t-1\r\n12\t3\t11\t20\t30\t1\t7\r\n",
        "1,1,10,20,30,2.5,-1\n2,3,11,20,30,1,1 # a comment behind\n",
        "1 1 10 20 30 2.5 -1 0 0 1.5\n2 3 11 20 30 1 1 0 0 1.5\n",
        "1.0 1.0 1e1 20 30 2.5 -1.0\n2 3 11 20 30 1 1.0",
        "0 1 10 20 30 2.5 -1\n1 3 11 20 30 1 0",
    ],
    ids=["children first", "tabs and CRLF", "commas", "eswc", "floats", "ids from 0"],
)
def test_the_reader_is_lenient(swc, text):
    tree = read_swc(swc(text))
    root = tree.roots[0]
    assert tree.positions[root].tolist() == [30, 20, 10]
    assert tree.edges.tolist() == [[1 - root, root]]
    assert (tree.length, tree.kinds[root]) == (1, 1)


def test_height_flips_y_and_clamps(swc):
    tree = read_swc(swc("1 1 -4 2 3 1 -1\n2 1 4 12 3 1 1"), height=10)
    assert tree.positions.tolist() == [[3, 7, 0], [3, 0, 4]]


@pytest.mark.message
@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_with_its_line(swc, case):
    text, said = CASES[case]
    path = swc(text)
    assert next(line for line in check_swc(path) if "warning" not in line).startswith(said)
    with pytest.raises(ValueError, match=r"neuron\.swc") as error:
        read_swc(path)
    assert said in str(error.value)


@pytest.mark.message
def test_the_reader_says_how_many_errors_there_are(swc):
    with pytest.raises(ValueError, match=r"line 1: radius is -1.* \(and 1 more errors: subband swc validate\)"):
        read_swc(swc("1 1 0 0 0 -1 -1\n2 1 0 0 0 -2 1"))


def test_two_roots_are_read_with_a_warning(swc):
    path = swc("1 1 0 0 0 1 -1\n2 1 5 5 5 1 -1\n3 1 6 5 5 1 2")
    with pytest.warns(UserWarning, match="has 2 roots: it is read as 2 trees together"):
        tree = read_swc(path)
    assert tree.roots.tolist() == [0, 1]
    assert check_swc(path) == ["line 2: warning: there are 2 roots (ids 1, 2), so 2 trees"]


def test_check_names_everything_in_the_order_of_lines(swc):
    path = swc("1 1 0 0 0 0 2\n2 1 0 0 0 1 -1\nx\n3 1 0 0 0 -1 9")
    assert check_swc(path) == [
        "line 1: warning: radius is 0, so that the node is a point",
        "line 1: warning: parent 2 comes later, in line 2",
        "line 3: there are 1 columns, but 7 are needed: id type x y z radius parent",
        "line 4: radius is -1, but must be 0 or greater",
        "line 4: parent 9 does not exist; give the id of a node, or -1 to a root",
    ]
    assert [finding.error for finding in swc_findings(path)] == [False, False, True, True, True]
    assert check_swc(swc(GOOD)) == []


@pytest.mark.message
def test_what_is_no_text_is_refused(swc, tmp_path):
    with pytest.raises(ValueError, match="is not a text file, but an SWC file is one"):
        check_swc(swc(b"raw_image_stack_by_hpengL\0\1"))
    with pytest.raises(ValueError, match="there is no file"):
        read_swc(tmp_path / "nothing.swc")


def test_the_writer_is_strict(swc):
    tree = Tree(np.array([[0.5, 1, 2], [3, -1e-9, 1 / 3]]), np.array([1.0, 2]), np.array([1, -1]), np.array([3, 1]))
    path = swc("")
    write_swc(path, tree, comments=["traced by subband"])
    assert path.read_bytes() == (
        b"# traced by subband\n# id type x y z radius parent\n1 1 0.333333 0 3 2 -1\n2 3 2 1 0.5 1 1\n"
    )
    assert check_swc(path) == []


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_read_again(swc, seed):
    rng = np.random.default_rng(seed)
    parents = np.array([-1, *(rng.integers(0, node) for node in range(1, 50))])
    tree = Tree(rng.normal(0, 100, (50, 3)).round(6), rng.uniform(0, 3, 50).round(6), parents, rng.integers(0, 8, 50))
    path = swc("")
    write_swc(path, tree)
    again = read_swc(path)
    for name in ("positions", "radii", "parents", "kinds"):
        assert (getattr(again, name) == getattr(tree, name)).all()


@pytest.mark.message
def test_the_writer_refuses_an_empty_tree_and_a_broken_comment(tmp_path):
    one = Tree(np.zeros((1, 3)), np.ones(1), np.array([-1]), np.array([0]))
    empty = Tree(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="the tree has no node, but an SWC file needs one"):
        write_swc(tmp_path / "a.swc", empty)
    with pytest.raises(ValueError, match="a comment holds a line break"):
        write_swc(tmp_path / "a.swc", one, comments=["a\nb"])
    assert list(tmp_path.iterdir()) == []
