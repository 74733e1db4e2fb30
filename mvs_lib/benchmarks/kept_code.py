"""What code was a kept row measured with? Benchmarks that go on where they stopped must know.

A row may be read again only while the code that made it says the same. So a digest is taken of the
system's file and of every file of the house that it imports. Comments and docstrings say nothing to
a computer: they are left out, and better prose costs no run.
"""

import ast
import hashlib
from pathlib import Path

import mvs_lib

__all__ = ["code", "digest", "key"]

HOUSE = Path(mvs_lib.__file__).parent
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code(file: str | Path) -> dict[Path, ast.Module]:
    """Return a file, and the files of the house that it imports however deep, as syntax trees.

    They are read, not imported: an import inside a function counts, whether it was called or not.
    """
    found, todo = {}, [Path(file)]
    while todo:
        if (file := todo.pop()) in found or not file.is_file():
            continue
        found[file] = tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in list(ast.walk(tree)):
            if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
            names = []
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [each.name for each in node.names]
            if isinstance(node, ast.ImportFrom):  # of a module: its names may be modules too
                names = [str(node.module), *(f"{node.module}.{name}" for name in names)]
            for first, *rest in (name.split(".") for name in names):
                if first == HOUSE.name:
                    at = HOUSE.joinpath(*rest)
                    todo += [at.parent / f"{at.name}.py", at / "__init__.py"]
    return found


def digest(*files: str | Path) -> str:
    """Name what files and all that they import say, 16 hexadecimal digits."""
    read = {path: tree for file in files for path, tree in code(file).items()}
    total = hashlib.blake2b(digest_size=8)
    for path in sorted(read):
        total.update(f"{path.name}: {ast.dump(read[path])}\n".encode())
    return total.hexdigest()


def key(about, *files: str | Path) -> str:
    """Name what a row depends on besides its photos: ``about`` as it is printed, and code."""
    return hashlib.blake2b(f"{about!r} {digest(*files)}".encode(), digest_size=8).hexdigest()
