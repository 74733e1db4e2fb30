"""Every exercise of the course, held by the same four statements."""

import pytest

from mvs_lib.course import exercises
from mvs_lib.course.check import examine

ALL = [each for number in exercises.MODULES for each in exercises.of_notebook(number)]
MISTAKES = [(each, mistake) for each in ALL for mistake in each.mistakes]


def test_the_registry_holds_whole_exercises():
    assert "0.1" in [each.id for each in ALL]
    for each in ALL:
        assert each.solution and each.mistakes and each.title and each.minutes > 0, each.id
        assert len(list(each.make_cases())) >= 3, each.id
        assert len({mistake.hint for mistake in each.mistakes}) == len(each.mistakes), each.id
        assert all("\n" not in hint for hint in (each.hint, *(m.hint for m in each.mistakes)))


@pytest.mark.parametrize("exercise", ALL, ids=lambda each: each.id)
def test_a_stub_is_not_done_and_the_reference_is_correct(exercise):
    def stub(*arguments):
        raise NotImplementedError(f"Exercise {exercise.id}: {exercise.title}")

    assert examine(exercise, stub).state == "not done yet"
    assert examine(exercise, exercise.solution).state == "correct"


@pytest.mark.parametrize(
    ("exercise", "mistake"), MISTAKES, ids=[f"{each.id}-{m.name}" for each, m in MISTAKES]
)
def test_every_mistake_is_wrong_and_gets_its_own_hint(exercise, mistake):
    verdict = examine(exercise, mistake.function)
    assert verdict.state == "not right yet"
    assert verdict.mistake == mistake.name
    assert verdict.line.endswith(mistake.hint)
    assert "\n" not in verdict.line


@pytest.mark.parametrize("exercise", ALL, ids=lambda each: each.id)
def test_the_cases_are_the_same_each_time(exercise):
    from mvs_lib.course.answers import difference

    assert difference(list(exercise.make_cases()), list(exercise.make_cases())) is None
