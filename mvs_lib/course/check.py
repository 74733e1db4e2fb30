"""Check a learner's answer: one line, never an error, a hint for each typical mistake.

    check("2.1", distance)          # in the cell after the exercise
    distance = use("2.1", distance)  # later cells go on whether it is solved or not
    finish("02")                    # the last cell: what is done

What an exercise asks, its cases and its known mistakes are in `mvs_lib.course.exercises`; how two
answers are compared, in `mvs_lib.course.answers`.
"""

import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import NamedTuple

from mvs_lib.course import exercises
from mvs_lib.course.answers import difference, short
from mvs_lib.course.exercises import Exercise, Mistake

__all__ = ["Verdict", "check", "examine", "finish", "show_check", "use"]


TODO = "write your code in place of the raise line, run that cell, then this one"


class Verdict(NamedTuple):
    """What an examination found: ``state``, the line to print, the mistake recognised (or None)."""

    state: str  # "correct", "not done yet" or "not right yet"
    line: str
    mistake: str | None = None


class Outcome(NamedTuple):
    """What a function did with one case."""

    value: object = None
    error: BaseException | None = None
    changed: int | None = None  # the first argument that it changed


_verdicts: dict[str, Verdict] = {}


def check(exercise_id: str, function: Callable) -> None:
    """Print one line on a learner's answer: not done yet, correct, or the first case that fails."""
    try:
        verdict = examine(exercises.find(exercise_id), function)
    except ValueError as error:
        print(f"{exercise_id} cannot be checked: {error}")
        return
    except KeyboardInterrupt:
        verdict = Verdict("not right yet", "stopped by hand - does a loop ever end?")
    _verdicts[exercise_id] = verdict
    print(f"{exercise_id} {verdict.line}")


def use(exercise_id: str, mine: Callable, fallback: Callable | None = None) -> Callable:
    """Return ``mine`` if it is correct, else ``fallback`` (or the reference), without a word.

    Raises:
        ValueError: there is no such exercise.
    """
    exercise = exercises.find(exercise_id)
    correct = examine(exercise, mine).state == "correct"
    return mine if correct else fallback or exercise.solution


def finish(notebook: str) -> None:
    """Print how many of a notebook's exercises (``"02"``) are done.

    Raises:
        ValueError: the course has no such notebook.
    """
    states = {
        exercise.id: _verdicts[exercise.id].state if exercise.id in _verdicts else "not checked"
        for exercise in exercises.of_notebook(notebook)
    }
    done = sum(state == "correct" for state in states.values())
    each = ", ".join(f"{name} {state}" for name, state in states.items())
    print(
        f"Notebook {notebook}: {done} of {len(states)} exercises done" + (f" ({each})" * bool(each))
    )


def show_check(exercise_id: str, most: int = 5) -> None:
    """Print the first cases of an exercise with the answers expected, the solution not shown.

    Raises:
        ValueError: there is no such exercise.
    """
    exercise = exercises.find(exercise_id)
    cases = list(exercise.make_cases())
    print(f"{exercise.id} {exercise.title}: {len(cases)} cases, of which the first are")
    for case in cases[:most]:
        print(f"  {_call(case)} should give {short(_run(exercise.solution, case).value)}")


def examine(exercise: Exercise, function: Callable) -> Verdict:
    """Run every case; return the verdict. Catches everything but KeyboardInterrupt."""
    if not callable(function):
        return Verdict(
            "not right yet", f"not right yet - expected a function, got {short(function)}"
        )
    for case in exercise.make_cases():
        outcome = _run(function, case)
        if isinstance(outcome.error, NotImplementedError) and _is_stub(outcome.error):
            return Verdict("not done yet", f"not done yet - {TODO}")
        expected = _run(exercise.solution, case)
        wrong = _wrong(outcome, expected, exercise)
        if wrong:
            mistake = _recognise(exercise, function, case)
            hint = mistake.hint if mistake else exercise.hint
            if mistake is None and outcome.changed is not None:
                hint = "Work on a copy: the caller still needs the original."
            line = f"not right yet - {_call(case)}: {wrong}. Hint: {hint}"
            return Verdict("not right yet", line, mistake.name if mistake else None)
    return Verdict("correct", "correct")


def _is_stub(error: NotImplementedError) -> bool:
    # A library may raise this error too; that is then a failing answer, not an empty one.
    return not str(error) or str(error).startswith("Exercise")


def _run(function: Callable, case: tuple) -> Outcome:
    """Call a function on copies, its prints and warnings swallowed, its errors caught."""
    arguments = deepcopy(case)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit included: a check never ends the lesson
        return Outcome(error=error)
    changed = [i for i, pair in enumerate(zip(arguments, case, strict=True)) if difference(*pair)]
    return Outcome(value, changed=changed[0] if changed else None)


def _wrong(outcome: Outcome, expected: Outcome, exercise: Exercise) -> str | None:
    if expected.error is not None:
        kind = type(expected.error).__name__
        if type(outcome.error) is type(expected.error):
            return None
        got = short(outcome.value) if outcome.error is None else _said(outcome.error)
        return f"expected a {kind}, got {got}"
    if outcome.error is not None:
        return f"expected {short(expected.value)}, got {_said(outcome.error)}"
    wrong = difference(outcome.value, expected.value, exercise.relative, exercise.absolute)
    if wrong is None and outcome.changed is not None:
        return f"the result is right, but your function changed its argument {outcome.changed + 1}"
    return wrong


def _recognise(exercise: Exercise, function: Callable, failing: tuple) -> Mistake | None:
    """Return the mistake that answers like ``function``: on all cases, or on the failing one."""
    cases = list(exercise.make_cases())
    for tried in (cases, [failing]):
        own = [_run(function, case) for case in tried]
        for mistake in exercise.mistakes:
            theirs = [_run(mistake.function, case) for case in tried]
            if all(_same(a, b, exercise) for a, b in zip(own, theirs, strict=True)):
                return mistake
    return None


def _same(a: Outcome, b: Outcome, exercise: Exercise) -> bool:
    if a.error is not None or b.error is not None:
        return type(a.error) is type(b.error)
    same = difference(a.value, b.value, exercise.relative, exercise.absolute) is None
    return same and a.changed == b.changed


def _call(case: tuple) -> str:
    return f"for ({', '.join(short(argument) for argument in case)})"


def _said(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}" + (f": {message[:80]}" if message else "")
