"""Every system that stands on the bench, by the name of its method.

A system is known by being there: each class of this folder that names its ``method`` and can be
made is one. The files are imported when they are asked for, not before.
"""

import inspect
import pkgutil
from importlib import import_module

from mvs_lib import queries
from mvs_lib.queries.system import System

__all__ = ["grid", "known"]


def known() -> dict[str, type[System]]:
    """Return the classes of all systems by method, in the order of their numbers.

    >>> known()["ssdh"].source
    'Yang et al., 2015'

    Raises:
        TypeError: two systems have one method, or one lacks what `System` asks of a class.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(queries.__path__))
    modules = [import_module(f"{queries.__name__}.{name}") for name in names]
    return gather(modules)


def gather(modules) -> dict[str, type[System]]:
    """Do what `known` does, for modules already imported."""
    found: dict[str, type[System]] = {}
    for module in modules:
        for value in vars(module).values():
            if not inspect.isclass(value) or value.__module__ != module.__name__:
                continue
            if not issubclass(value, System) or inspect.isabstract(value):
                continue
            if "method" not in vars(value):
                continue  # what several systems share
            for name in ("number", "kind", "source"):
                if not hasattr(value, name):
                    raise TypeError(f"{value.__name__} lacks the class attribute {name!r}")
            if value.method in found:
                raise TypeError(
                    f"{value.__name__} and {found[value.method].__name__} both call themselves "
                    f"{value.method!r}"
                )
            found[value.method] = value
    return dict(sorted(found.items(), key=lambda item: (item[1].number, item[0])))


def grid(system: type[System]) -> list[dict]:
    """Return the settings to try: the class's ``GRID``, else its file's, else the defaults."""
    module = import_module(system.__module__)
    given = getattr(system, "GRID", None)
    given = getattr(module, "GRID", ({},)) if given is None else given
    return [dict(settings) for settings in given]
