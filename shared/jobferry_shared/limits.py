"""What a gateway accepts, and tells every device in its welcome."""

from pydantic import BaseModel, ConfigDict, PositiveInt

__all__ = ["Limits"]


class Limits(BaseModel):
    """Bounds of the conversation. Sizes are octets of UTF-8."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: One message, either way.
    message_bytes: PositiveInt = 4 * 1024 * 1024
    #: One payload.
    payload_bytes: PositiveInt = 1024 * 1024
    #: Operations in one push, rows in one page of changes.
    batch: PositiveInt = 500
    #: Pushes a device may have unanswered.
    window: PositiveInt = 4
