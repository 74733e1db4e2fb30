import pytest

from mvs_lib.benchmarks import kept_code
from mvs_lib.queries import global_bits, scaled_image


def names(file):
    return {path.relative_to(kept_code.HOUSE).as_posix() for path in kept_code.code(file)}


def test_all_that_a_file_imports_is_found():
    found = names(scaled_image.__file__)
    assert {"queries/server.py", "features/vocabulary.py", "queries/payload.py"} <= found
    assert {"__init__.py", "queries/__init__.py"} <= found
    assert "queries/global_bits.py" not in found


def test_an_import_inside_a_function_counts():
    assert {"deep/checkpoint.py", "deep/encoding.py"} <= names(global_bits.__file__)


@pytest.fixture
def house(monkeypatch, tmp_path):
    monkeypatch.setattr(kept_code, "HOUSE", tmp_path / "mvs_lib")
    room = tmp_path / "mvs_lib" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text("")
    (room / "table.py").write_text("import numpy\n\nLEGS = 4\n")
    (room / "meal.py").write_text(
        '"""Eat."""\n\n\ndef eat():\n    """Sit."""\n    from mvs_lib.room import table\n'
        "    return table.LEGS  # all\n"
    )
    return room


def test_a_digest_changes_with_the_code_and_not_with_the_prose(house):
    before = kept_code.digest(house / "meal.py")
    text = (house / "meal.py").read_text()
    (house / "meal.py").write_text(
        text.replace("Sit", "Sit down").replace("# all", "# four").replace("Eat.", "Eat well.")
    )
    assert kept_code.digest(house / "meal.py") == before
    (house / "table.py").write_text("LEGS = 3\n")
    assert kept_code.digest(house / "meal.py") != before


def test_the_order_of_files_does_not_matter(house):
    files = house / "meal.py", house / "table.py"
    assert kept_code.digest(*files) == kept_code.digest(*files[::-1])
    assert kept_code.digest(files[1]) != kept_code.digest(files[0])
