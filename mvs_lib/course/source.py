"""Show the library's own source in a notebook: what is taught is what runs."""

import ast
import inspect
import textwrap

from IPython.display import display
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

__all__ = ["Source", "show_source"]

FRAME = "background: #f8f8f8; color: #222; padding: 0.5em; overflow-x: auto"


class Source:
    """Source code as a notebook shows it: coloured HTML, and plain text."""

    def __init__(self, text: str, origin: str):
        self.text, self.origin = text, origin

    def __repr__(self):
        return f"# {self.origin}\n{self.text}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        # Colours inline: JupyterLab drops <style>, and dark themes would hide dark letters.
        formatter = HtmlFormatter(
            noclasses=True,
            nobackground=True,
            cssclass="mvs-source",
            cssstyles=FRAME,
            prestyles="margin: 0; font-family: monospace",
        )
        html = highlight(repr(self), PythonLexer(), formatter)
        return {"text/plain": repr(self), "text/html": html}


def show_source(thing: object, docstring: bool = True) -> None:
    """Display the source of a function, class, method or module of the library.

    Args:
        thing: what to show; a decorated function is unwrapped.
        docstring: False leaves the docstring out.

    Raises:
        ValueError: the source cannot be had (built in, or compiled).
    """
    thing = inspect.unwrap(thing) if callable(thing) else thing
    try:
        text = textwrap.dedent(inspect.getsource(thing)).rstrip() + "\n"
    except (TypeError, OSError):
        raise ValueError(f"{thing!r} has no Python source to show") from None
    if not docstring:
        text = _without_docstring(text, inspect.ismodule(thing))
    module = thing if inspect.ismodule(thing) else inspect.getmodule(thing)
    name = getattr(module, "__name__", "this notebook")
    origin = "this notebook" if name == "__main__" else name.replace(".", "/") + ".py"
    display(Source(text, origin))


def _without_docstring(text: str, whole_module: bool) -> str:
    tree = ast.parse(text)
    node = tree if whole_module else tree.body[0]
    if ast.get_docstring(node) is None:
        return text
    lines, said = text.splitlines(), node.body[0]
    del lines[said.lineno - 1 : said.end_lineno]
    place = said.lineno - 1
    if place < len(lines) and not lines[place].strip():
        del lines[place]  # the blank line that stood after it
    if len(node.body) == 1 and not whole_module:
        lines.append(" " * said.col_offset + "...")
    return "\n".join(lines).rstrip() + "\n"
