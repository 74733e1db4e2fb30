import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.course.check import check, examine, finish, show_check, use
from mvs_lib.course.exercises import Exercise, find, of_notebook


def right(a, b):
    return np.bitwise_count(a ^ b).sum(1)


def line(capsys, function, exercise_id="0.1"):
    check(exercise_id, function)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and out.endswith("\n") and not err
    return out[:-1]


def test_the_three_verdicts(capsys):
    def stub(a, b):
        raise NotImplementedError("Exercise 0.1")

    assert line(capsys, stub).startswith("0.1 not done yet - ")
    assert line(capsys, right) == "0.1 correct"
    assert line(capsys, lambda a, b: (a != b).sum(1)) == (
        "0.1 not right yet - for ([[0, 0, 0, ..., 0, 0, 0]], [[255, 255, 255, ..., 255, 255, 255]])"
        ": expected [320], got [40]. Hint: You counted differing bytes; a byte holds eight bits "
        "(see np.bitwise_count)."
    )


def raises(error):
    def function(a, b):
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda a, b: None, "got None (is a return missing?)"),
        (lambda a, b: [1.0], "float, not integer"),
        (lambda a, b: "one", "got 'one' (a str)"),
        (lambda a, b: np.ones((1, 1), int), "shape (1, 1), not (1,)"),
        (lambda a, b: [[1], [1, 2]], "got [[1], [1, 2]]"),
        (lambda a: 1, "TypeError"),
        (raises(KeyError("bits\nand bytes")), "KeyError: 'bits\\nand bytes'"),
        (raises(NotImplementedError("no bitwise_count for float")), "got NotImplementedError: no"),
        (raises(SystemExit()), "got SystemExit"),
        (raises(RecursionError()), "got RecursionError"),
        (raises(KeyboardInterrupt()), "stopped by hand"),
        (3, "expected a function, got 3"),
    ],
)
def test_odd_answers_give_one_line(capsys, function, said):
    assert said in line(capsys, function)


def test_an_unknown_exercise_gives_one_line_too(capsys):
    assert "there is no exercise 0.9; notebook 00 has 0.1" in line(capsys, right, "0.9")
    assert "there is no exercise 77" in line(capsys, right, "77")


def test_prints_and_warnings_of_an_answer_are_swallowed(capsys):
    def loud(a, b):
        print("here I am")
        print("here too", file=sys.stderr)
        warnings.warn("and here", stacklevel=1)
        return right(a, b)

    assert line(capsys, loud) == "0.1 correct"


def test_a_changed_argument_is_noticed(capsys):
    def careless(a, b):
        a ^= b
        return np.bitwise_count(a).sum(1)

    said = line(capsys, careless)
    assert "changed its argument 1. Hint: Work on a copy" in said


def test_use_never_blocks(capsys):
    def wrong(a, b):
        return 0

    def fallback(a, b):
        return 1

    assert use("0.1", right) is right
    assert use("0.1", wrong, fallback) is fallback
    assert use("0.1", wrong) is find("0.1").solution
    assert capsys.readouterr().out == ""


def test_finish_counts_what_was_checked(capsys, monkeypatch):
    monkeypatch.setattr("mvs_lib.course.check._verdicts", {})
    finish("00")
    assert capsys.readouterr().out == (
        "Notebook 00: 0 of 2 exercises done (0.1 not checked, 0.2 not checked)\n"
    )
    check("0.1", right)
    capsys.readouterr()
    finish("00")
    assert capsys.readouterr().out == (
        "Notebook 00: 1 of 2 exercises done (0.1 correct, 0.2 not checked)\n"
    )
    with pytest.raises(ValueError, match="no notebook"):
        finish("99")


def test_show_check_shows_cases_but_no_solution(capsys):
    show_check("0.1", most=2)
    assert capsys.readouterr().out == (
        "0.1 Hamming distance of two packed codes: 6 cases, of which the first are\n"
        "  for ([[3]], [[1]]) should give [1]\n"
        "  for ([[7, 7]], [[7, 7]]) should give [0]\n"
    )


@pytest.fixture
def roots(monkeypatch):
    monkeypatch.setattr("mvs_lib.course.exercises._registry", {})
    exercise = Exercise("99.1", "square root", relative=1e-3)
    exercise.cases(lambda: [(4.0,), (-1.0,)])

    @exercise.reference
    def root(x):
        if x < 0:
            raise ValueError("negative")
        return x**0.5

    return exercise


def test_an_expected_error_must_be_raised(roots):
    assert examine(roots, roots.solution).state == "correct"
    assert "expected a ValueError, got nan" in examine(roots, lambda x: np.sqrt(x)).line
    assert examine(roots, lambda x: 2.001 if x > 0 else int("no")).state == "correct"
    assert examine(roots, lambda x: 2.003).state == "not right yet"


@given(st.one_of(st.integers(), st.text(), st.none(), st.lists(st.floats()), st.binary()))
def test_no_answer_makes_examine_raise(answer):
    assert examine(find("0.1"), lambda a, b: answer).state == "not right yet"
    assert examine(find("0.1"), answer).state == "not right yet"


def test_ids_and_files_are_checked():
    with pytest.raises(ValueError, match="looks like"):
        Exercise("2", "no number")
    assert [each.id for each in of_notebook("00")] == ["0.1", "0.2"]
