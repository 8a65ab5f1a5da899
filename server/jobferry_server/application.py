"""Finding an application's processor by its name."""

import importlib
import sys
from pathlib import Path

from jobferry_server.errors import ConfigurationError
from jobferry_server.processor.processor import Processor

__all__ = ["load_processor"]


def load_processor(name: str) -> Processor:
    """The :class:`Processor` called ``package.module:object``, from here or from what is installed."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(f"{name!r} is not of the form MODULE:OBJECT")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"there is no module {error.name}", hint=f"It was wanted for {name!r}."
        ) from error
    found = getattr(module, attribute, None)
    if not isinstance(found, Processor):
        raise ConfigurationError(f"{name!r} is not a jobferry_server.Processor")
    return found
