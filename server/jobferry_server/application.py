"""Finding an application's processor by its name."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from jobferry_server.errors import ConfigurationError
from jobferry_server.processor.processor import Processor

__all__ = ["load_processor"]


def load_processor(name: str) -> Processor:
    """The :class:`Processor` called ``package.module:object``, from here or from what is installed."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(
            f"{name!r} is not of the form MODULE:OBJECT",
            hint="For 'processor = Processor()' in tasks.py it is tasks:processor.",
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = getattr(_module(module_name), attribute, None)
    if not isinstance(found, Processor):
        raise ConfigurationError(
            f"{name!r} is {_kind(found)}, not a jobferry_server.Processor",
            hint=f"{module_name}.py wants a line '{attribute} = Processor()'.",
        )
    return found


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"there is no module {error.name}",
            hint=f"{name!r} is looked for in this folder and in what is installed, with all it imports.",
        ) from error
    except Exception as error:
        # The application's own fault. Where it is says more than the way through Python's importing.
        raise ConfigurationError(
            f"{name!r} can't be imported: {type(error).__name__}: {error}",
            hint=f"'{Path(sys.executable).name} -c \"import {name}\"' shows where.",
        ) from error


def _kind(found: object) -> str:
    return "nothing" if found is None else f"of the type {type(found).__name__}"
