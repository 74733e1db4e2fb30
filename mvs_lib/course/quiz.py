"""A short quiz at the end of a notebook: buttons, an immediate reason, no network.

    panel = quiz("02")
    panel

The questions are in ``mvs_lib/course/quizzes/02.json``::

    {"questions": [{"question": "...", "options": [
        {"text": "...", "right": true, "reason": "why it is right"},
        {"text": "...", "reason": "why it is wrong"}]}]}

It runs by keyboard alone: Tab to an option, Enter or the space bar to choose it; the reason appears
below and is announced by screen readers. (Radio buttons would want the arrow keys, which JupyterLab
keeps for itself to go from cell to cell.)
"""

import json
from html import escape
from pathlib import Path

import ipywidgets as widgets
import traitlets

__all__ = ["Quiz", "load", "quiz"]

FOLDER = Path(__file__).parent / "quizzes"


def quiz(notebook: str) -> "Quiz":
    """Return the quiz of a notebook (``"02"``), a widget: make it the last line of a cell.

    Raises:
        ValueError: there is no such quiz, or its file is wrong (see `load`).
    """
    return Quiz(notebook, load(notebook))


def load(notebook: str, folder: Path = FOLDER) -> list[dict]:
    """Read and check the questions of a notebook.

    Raises:
        ValueError: no such file; or a question without text, with fewer than two options, without
            exactly one right option, with two options alike, or an option without a reason.
    """
    file = folder / f"{notebook}.json"
    if not file.exists():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise ValueError(f"no quiz {notebook!r}; there are: {known or 'none yet'}")
    try:
        questions = json.loads(file.read_text(encoding="utf-8"))["questions"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file.name} is not a quiz: {error!r}") from None
    for number, each in enumerate(questions, start=1):
        where = f"{file.name}, question {number}"
        options = each.get("options", [])
        if not str(each.get("question", "")).strip():
            raise ValueError(f"{where}: no text")
        if len(options) < 2:
            raise ValueError(f"{where}: needs two options or more")
        if any(not option.get("text") or not option.get("reason") for option in options):
            raise ValueError(f"{where}: every option needs a text and a reason")
        if len({option["text"] for option in options}) != len(options):
            raise ValueError(f"{where}: two options are alike")
        if sum(bool(option.get("right")) for option in options) != 1:
            raise ValueError(f"{where}: exactly one option must be right")
    if not questions:
        raise ValueError(f"{file.name} has no questions")
    return questions


class Options(widgets.VBox):
    """One button an option, of which at most one is chosen: ``index``, None before."""

    index = traitlets.Int(None, allow_none=True)

    def __init__(self, texts: list[str]):
        self.texts = texts
        wide = widgets.Layout(width="auto", max_width="100%")
        super().__init__([widgets.Button(layout=wide) for _ in texts])
        self.layout.align_items = "flex-start"
        for number, button in enumerate(self.children):
            button.on_click(lambda _, number=number: setattr(self, "index", number))
        self.observe(lambda _: self._mark(), names="index")
        self._mark()

    def _mark(self) -> None:
        for number, (button, text) in enumerate(zip(self.children, self.texts, strict=True)):
            button.description = f"{'●' if number == self.index else '○'} {text}"


class Quiz(widgets.VBox):
    """A quiz as a widget; `choose`, `choose_right` and `summary` serve tests and compared cells."""

    def __init__(self, notebook: str, questions: list[dict]):
        self.notebook, self.questions = notebook, questions
        self.buttons, self.reasons = [], []
        parts = []
        for number, each in enumerate(questions, start=1):
            title = widgets.HTML(f"<b>{number}. {escape(each['question'])}</b>")
            buttons = Options([option["text"] for option in each["options"]])
            buttons.add_class(f"mvs-quiz-{notebook}-{number}")
            reason = widgets.HTML(_announce(""))
            buttons.observe(self._answer, names="index")
            self.buttons.append(buttons)
            self.reasons.append(reason)
            parts += [title, buttons, reason]
        super().__init__(parts)
        self.add_class("mvs-quiz")

    def __repr__(self):
        return f"Quiz {self.notebook}: {len(self.questions)} questions (run this cell to answer)"

    def _answer(self, change: dict) -> None:
        number = self.buttons.index(change["owner"])
        if change["new"] is None:
            self.reasons[number].value = _announce("")
            return
        option = self.questions[number]["options"][change["new"]]
        verdict = "Right" if option.get("right") else "Not quite"
        self.reasons[number].value = _announce(f"<b>{verdict}.</b> {escape(option['reason'])}")

    def choose(self, question: int, option: int) -> str:
        """Choose an option as a reader would (both counted from 1); return the reason shown.

        Raises:
            ValueError: there is no such question or option.
        """
        if not 1 <= question <= len(self.questions):
            raise ValueError(f"question must be 1 to {len(self.questions)}, got {question}")
        count = len(self.questions[question - 1]["options"])
        if not 1 <= option <= count:
            raise ValueError(f"option must be 1 to {count}, got {option}")
        self.buttons[question - 1].index = option - 1
        return self.questions[question - 1]["options"][option - 1]["reason"]

    def choose_right(self) -> None:
        """Choose the right option of every question."""
        for buttons, each in zip(self.buttons, self.questions, strict=True):
            buttons.index = [bool(option.get("right")) for option in each["options"]].index(True)

    def summary(self) -> str:
        """Return how many questions are answered, and how many of them right."""
        answered = [
            (buttons.index, each["options"])
            for buttons, each in zip(self.buttons, self.questions, strict=True)
            if buttons.index is not None
        ]
        right = sum(bool(options[index].get("right")) for index, options in answered)
        return (
            f"Quiz {self.notebook}: {len(self.questions)} questions, "
            f"{len(answered)} answered, {right} right"
        )


def _announce(html: str) -> str:
    # A region that screen readers read out when its text changes; it exists from the start.
    return f'<div role="status" aria-live="polite">{html}</div>'
