"""What an action has done, as the address of the page behind it says it. Pure."""

from collections.abc import Mapping

__all__ = ["DONE", "done", "outcome"]

DONE = {"cancel": "cancelled", "retry": "set to run again"}


def outcome(verb: str, changed: int, asked: int) -> dict[str, str]:
    """For the address: of so many jobs, so many were changed."""
    return {"did": verb, "changed": str(changed), "left": str(asked - changed)}


def done(query: Mapping[str, str]) -> str:
    """The same in words of our own, since an address is anybody's; nothing if it says nothing."""
    verb, changed, left = (query.get(name, "") for name in ("did", "changed", "left"))
    if verb not in DONE or not (_is_number(changed) and _is_number(left)):
        return ""
    rest = f" {int(left):,} were left as they are." if int(left) else ""
    return f"{int(changed):,} {DONE[verb]}.{rest}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
