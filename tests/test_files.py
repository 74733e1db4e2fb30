"""What holds for every file: length, style, and a README whose commands exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mvs_lib import __main__ as command_line

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300
REASON = re.compile(r"over 300\s+lines because \w+ \w+")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def python_files():
    return [
        path
        for folder in ("mvs_lib", "tests", "notebooks/source")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ] + [ROOT / "start.py"]


def too_long(path):
    text = path.read_text(encoding="utf-8")
    head = "\n".join(text.splitlines()[:30])
    return len(text.splitlines()) > LONGEST and not REASON.search(head)


def test_a_file_is_one_idea_of_at_most_300_lines():
    # A notebook's source is mostly prose; mvs_lib.course.gates holds the length of its cells.
    files = [path for path in python_files() if path.parent.name != "source"]
    assert len(files) > 80
    assert [str(path.relative_to(ROOT)) for path in files if too_long(path)] == []


def test_a_longer_file_must_say_why(tmp_path):
    path = tmp_path / "long.py"
    path.write_text("x = 1\n" * 300)
    assert not too_long(path)
    path.write_text("x = 1\n" * 301)
    assert too_long(path)
    path.write_text('"""A table, over 300\nlines because it lists every place."""\n' + "\n" * 300)
    assert not too_long(path)


@pytest.mark.parametrize("rule", [["check"], ["format", "--check"]], ids=["check", "format"])
def test_ruff_has_nothing_to_say(rule):
    command = [sys.executable, "-m", "ruff", *rule, "--no-cache", *map(str, python_files())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def commands(text):
    """Return what follows ``start.py`` and ``python -m mvs_lib`` in a page's code."""
    code = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.S)
    code = "\n".join(block or line for block, line in code)
    found = re.findall(r"(?:start\.py|python -m mvs_lib)\b([^#\n]*)", code)
    return [shlex.split(words.split("  ")[0]) for words in found]


def test_the_readme_s_commands_exist():
    found = commands(README)
    assert {"test", "lab", "bench"} <= {words[0] for words in found if words}
    for words in found:
        if words[:1] == ["test"]:
            continue  # start.py's own: it hands over to pytest
        words = words or ["demo"]
        options = command_line.parser(words).parse_args(words)
        assert callable(options.run)


def test_a_command_that_does_not_exist_is_seen(capsys):
    (words,) = commands("Try this:\n```sh\npython -m mvs_lib dmeo --photo FILE   # really\n```\n")
    assert words == ["dmeo", "--photo", "FILE"]
    with pytest.raises(SystemExit):
        command_line.parser(words).parse_args(words)


def test_the_readme_s_links_and_files_exist():
    for target in re.findall(r"\]\(([^)\s#]+)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_readme_s_map_of_the_course_is_the_notebooks_that_are_there():
    there = {path.stem for path in (ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py")}
    rows = re.findall(r"^\| `(\d\d_\w+)` \|.*\| (.*?) \|$", README, re.M)
    assert [name[:2] for name, _ in rows] == [f"{number:02}" for number in range(14)]
    said = {name for name, state in rows if "planned" not in state}
    assert said == there
