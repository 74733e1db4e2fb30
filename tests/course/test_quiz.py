import json

import pytest

from mvs_lib.course.quiz import FOLDER, load, quiz

ALL = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("notebook", ALL)
def test_every_quiz_of_the_course_gives_a_reason_for_every_option(notebook):
    panel = quiz(notebook)
    count = len(panel.questions)
    assert panel.summary() == f"Quiz {notebook}: {count} questions, 0 answered, 0 right"
    for number, each in enumerate(panel.questions, start=1):
        for place, option in enumerate(each["options"], start=1):
            reason = panel.choose(number, place)
            assert reason == option["reason"]
            verdict = "Right." if option.get("right") else "Not quite."
            assert verdict in panel.reasons[number - 1].value
    panel.choose_right()
    assert panel.summary() == f"Quiz {notebook}: {count} questions, {count} answered, {count} right"


def test_there_is_a_quiz():
    assert "00" in ALL


def test_a_reason_is_announced_escaped_and_taken_back(tmp_path, monkeypatch):
    options = [{"text": "a", "right": True, "reason": "1 < 2"}, {"text": "b", "reason": "no"}]
    write(tmp_path, [{"question": "is <b> a tag?", "options": options}])
    monkeypatch.setattr("mvs_lib.course.quiz.FOLDER", tmp_path)
    from mvs_lib.course.quiz import Quiz

    panel = Quiz("77", load("77", tmp_path))
    assert "is &lt;b&gt; a tag?" in panel.children[0].value
    assert 'aria-live="polite"' in panel.reasons[0].value
    panel.choose(1, 1)
    assert "1 &lt; 2" in panel.reasons[0].value
    panel.buttons[0].index = None
    assert "Right" not in panel.reasons[0].value
    assert repr(panel) == "Quiz 77: 1 questions (run this cell to answer)"
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)
    for question, option in ((0, 1), (2, 1), (1, 0), (1, 3)):
        with pytest.raises(ValueError, match="must be 1 to"):
            panel.choose(question, option)


def write(folder, questions):
    (folder / "77.json").write_text(json.dumps({"questions": questions}))


RIGHT = {"text": "a", "right": True, "reason": "r"}
WRONG = {"text": "b", "reason": "r"}


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ({"question": " ", "options": [RIGHT, WRONG]}, "no text"),
        ({"question": "q", "options": [RIGHT]}, "two options"),
        ({"question": "q", "options": [RIGHT, {"text": "b"}]}, "a reason"),
        ({"question": "q", "options": [RIGHT, WRONG, WRONG]}, "alike"),
        ({"question": "q", "options": [WRONG, WRONG | {"text": "c"}]}, "exactly one"),
        ({"question": "q", "options": [RIGHT, RIGHT | {"text": "c"}]}, "exactly one"),
    ],
)
def test_a_faulty_quiz_is_refused_with_its_place(tmp_path, question, complaint):
    write(tmp_path, [{"question": "q", "options": [RIGHT, WRONG]}, question])
    with pytest.raises(ValueError, match=f"77.json, question 2: .*{complaint}"):
        load("77", tmp_path)


def test_a_missing_empty_or_broken_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no quiz '77'"):
        load("77", tmp_path)
    write(tmp_path, [])
    with pytest.raises(ValueError, match="no questions"):
        load("77", tmp_path)
    (tmp_path / "77.json").write_text("{")
    with pytest.raises(ValueError, match="not a quiz"):
        load("77", tmp_path)
