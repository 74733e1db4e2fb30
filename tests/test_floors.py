"""No import runs upwards through the house, and none in a circle (DESIGN: floors)."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mvs_lib"
FLOORS = [
    {"paths", "tied_ranking", "codes"},
    {"metrics", "graded_metrics"},
    {"datasets", "features", "compress"},  # rooms of one floor know nothing of each other
    {"hashing", "search"},
    {"deep"},  # deep hashing of fixed features starts where the traditional hashers end
    {"phone"},
    {"queries"},
    {"service"},
    {"course"},
    {"widgets"},
    {"benchmarks"},
    {"commands"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules(package=PACKAGE):
    """Return the files by module name, below the package: ``codes``, ``deep.network``."""
    paths = {path.relative_to(package).with_suffix(""): path for path in package.rglob("*.py")}
    names = {".".join(name.parts).removesuffix(".__init__"): p for name, p in paths.items()}
    return {name: path for name, path in names.items() if name != "__init__"}


def imported(name, path, known):
    """Return the modules of the house that a file imports, inside functions too."""
    found = set()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                base = ["mvs_lib", *package[: len(package) + 1 - node.level], *base]
            wanted = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for each in wanted:
            parts = each.split(".")
            if parts[0] == "mvs_lib":  # the longest beginning that is a module
                inside = (".".join(parts[1:end]) for end in range(len(parts), 1, -1))
                found |= {next((part for part in inside if part in known), "__init__")}
    return found - {name, "__init__"}


def upward(graph):
    """Return the imports that leave a room for the same floor or a higher one."""
    pairs = {(name, other) for name, others in graph.items() for other in others}
    rooms = {pair: tuple(part.split(".")[0] for part in pair) for pair in pairs}
    return sorted(
        f"{name} imports {other}"
        for (name, other), (room, above) in rooms.items()
        if room != above and FLOOR[above] >= FLOOR[room]
    )


@pytest.fixture(scope="module")
def graph():
    known = modules()
    return {name: imported(name, path, known) for name, path in known.items()}


def test_every_room_has_a_floor(graph):
    assert {name.split(".")[0] for name in graph} <= set(FLOOR)


def test_no_import_runs_upwards(graph):
    assert len(graph) > 40
    assert upward(graph) == []


def test_there_is_no_circle(graph):
    list(TopologicalSorter(graph).static_order())


def test_the_phone_never_meets_torch(graph):
    seen, todo = set(), ["phone.process", "phone.streamed_measurement"]
    while todo:
        seen.add(each := todo.pop())
        todo += sorted(graph[each] - seen)
    for each in seen:
        text = modules()[each].read_text(encoding="utf-8")
        roots = {
            (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert "torch" not in roots, each


def test_what_is_wrong_is_seen(tmp_path):
    for name, text in {
        "codes": "def f():\n    from mvs_lib.deep.network import HashNetwork",
        "deep/__init__": "",
        "deep/network": "from .. import codes\nfrom . import training",
        "deep/training": "import mvs_lib.deep.network\nfrom mvs_lib import phone, __version__",
        "hashing/__init__": "from .lsh import LSH",
        "hashing/lsh": "from mvs_lib.search import linear",
        "phone/__init__": "",
        "search/__init__": "",
        "search/linear": "import torch",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    known = modules(tmp_path)
    found = {name: imported(name, path, known) for name, path in known.items()}
    assert found["deep.network"] == {"codes", "deep.training"}
    assert found["deep.training"] == {"deep.network", "phone"}
    assert found["hashing"] == {"hashing.lsh"}
    assert upward(found) == [
        "codes imports deep.network",
        "deep.training imports phone",
        "hashing.lsh imports search.linear",
    ]
    with pytest.raises(CycleError):
        list(TopologicalSorter(found).static_order())
