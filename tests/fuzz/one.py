"""One target under atheris: ``python -m fuzz.one TARGET [libFuzzer's options]``."""

import sys

import atheris

# What is imported within is instrumented, so that new ways through it are noticed.
with atheris.instrument_imports(include=["jobferry_shared", "jobferry_server"]):
    from fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
