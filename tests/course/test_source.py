import ast
import functools
import html
import re

import pytest

from mvs_lib import codes
from mvs_lib.course.source import show_source


def shown(capsys, thing, **options):
    show_source(thing, **options)
    return capsys.readouterr().out


def test_the_text_is_the_librarys_own_source(capsys):
    out = shown(capsys, codes.pack)
    assert out.startswith("# mvs_lib/codes.py\ndef pack(bits: np.ndarray)")
    assert "two-dimensional" in out and "np.packbits(bits, axis=1)" in out


def test_a_docstring_can_be_left_out_and_the_code_stays_the_same(capsys):
    for thing in (codes.pack, codes):
        whole = ast.parse(shown(capsys, thing))
        trimmed = ast.parse(shown(capsys, thing, docstring=False))
        inner = (lambda tree: tree) if thing is codes else (lambda tree: tree.body[0])
        del inner(whole).body[0]
        assert ast.unparse(whole) == ast.unparse(trimmed)


def only_words():
    """Say nothing else."""


def test_odd_things(capsys):
    wrapped = functools.wraps(codes.pack)(lambda bits: None)
    assert shown(capsys, wrapped) == shown(capsys, codes.pack)
    assert shown(capsys, only_words, docstring=False).endswith("def only_words():\n    ...\n\n")
    for thing in (len, 3):
        with pytest.raises(ValueError, match="no Python source"):
            show_source(thing)


def test_the_html_is_stable_and_holds_the_same_letters(capsys, monkeypatch):
    made = []
    monkeypatch.setattr("mvs_lib.course.source.display", made.append)
    show_source(codes.pack)
    show_source(codes.pack)
    first, second = (each._repr_mimebundle_() for each in made)
    assert first == second
    letters = html.unescape(re.sub(r"<[^>]+>", "", first["text/html"]))
    assert letters.strip() == first["text/plain"].strip()
    assert "class=" not in first["text/html"].replace('class="mvs-source"', "")
