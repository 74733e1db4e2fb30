from types import ModuleType

import pytest

from mvs_lib.queries import global_bits, scaled_image, systems
from mvs_lib.queries.global_bits import ITQBits
from mvs_lib.queries.scaled_image import ScaledImage
from mvs_lib.queries.system import System

KINDS = {"image", "features", "compressed features", "hash bits"}


def module(**members):
    """Return a module that defines these classes."""
    made = ModuleType("somewhere")
    for name, value in members.items():
        value.__module__ = "somewhere"
        setattr(made, name, value)
    return made


def variant(**members):
    return type("Variant", (ScaledImage,), members)


def test_every_system_is_known_by_its_method_in_the_order_of_the_numbers():
    found = systems.known()
    assert found["scaled_image"] is ScaledImage and found["itq"] is ITQBits
    assert {"lsh", "dlbh", "ssdh"} <= found.keys()
    assert [each.number for each in found.values()] == sorted(e.number for e in found.values())
    for name, system in found.items():
        assert issubclass(system, System) and system.method == name
        assert system.kind in KINDS and 0 <= system.number <= 255
        for settings in systems.grid(system):
            system(**settings)  # every setting is one that the system takes


def test_what_systems_share_and_what_a_file_merely_imports_are_no_systems():
    shared = {global_bits.GlobalBits, global_bits.TraditionalBits, global_bits.DeepBits, System}
    assert not shared & set(systems.known().values())
    borrowed = ModuleType("elsewhere")
    borrowed.ScaledImage = ScaledImage
    assert systems.gather([borrowed]) == {}
    unnamed = module(Part=variant())
    assert systems.gather([unnamed, scaled_image]) == {"scaled_image": ScaledImage}


def test_two_of_one_name_and_a_system_without_its_facts_are_refused():
    twice = module(Other=variant(method="scaled_image"))
    with pytest.raises(TypeError, match="Variant and ScaledImage both call themselves"):
        systems.gather([scaled_image, twice])
    methods = {name: getattr(ScaledImage, name) for name in ("fit", "encode", "search")}
    poor = type("Poor", (System,), {**methods, "index_bytes": 0, "method": "poor", "number": 200})
    with pytest.raises(TypeError, match="Poor lacks the class attribute 'kind'"):
        systems.gather([module(Poor=poor)])


def test_a_grid_is_the_class_s_then_the_file_s_then_the_defaults(monkeypatch):
    assert systems.grid(ITQBits) == [{}]
    monkeypatch.delattr(scaled_image, "GRID", raising=False)
    assert systems.grid(ScaledImage) == [{}]
    monkeypatch.setattr(scaled_image, "GRID", [{"scale": 0.1}], raising=False)
    assert systems.grid(ScaledImage) == [{"scale": 0.1}]
    monkeypatch.setattr(ScaledImage, "GRID", ({"scale": 0.2}, {"scale": 0.3}), raising=False)
    assert systems.grid(ScaledImage) == [{"scale": 0.2}, {"scale": 0.3}]
