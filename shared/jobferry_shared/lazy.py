"""Packages whose names are loaded when they are first asked for.

The command ``jobferry`` lives in the device's package and needs a tenth of it; so does each of its
processes on a server. To load all of a package first takes longer than all that most commands do.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package that has these names, by the module in which each is at home."""
    modules = {name: module for module, names in homes.items() for name in names}

    def getattr_(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return getattr_
