"""What a gateway accepts, and tells every device in its welcome."""

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

__all__ = ["Limits"]


class Limits(BaseModel):
    """Bounds of the conversation. Sizes are octets of UTF-8."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: One message, either way.
    message_bytes: PositiveInt = 8 * 1024 * 1024
    #: One payload.
    payload_bytes: PositiveInt = 1024 * 1024
    #: Operations in one push, rows in one page of changes.
    batch: PositiveInt = 500
    #: Pushes a device may have unanswered.
    window: PositiveInt = 4

    @model_validator(mode="after")
    def _every_row_must_fit(self) -> Self:
        # A row carries a payload and a result, every octet of which may need an escape; beside it
        # a page may be filled to `page_bytes`.
        if self.message_bytes < 6 * self.payload_bytes:
            raise ValueError("message_bytes must be at least six times payload_bytes")
        return self

    @property
    def page_bytes(self) -> int:
        """How much payload and result may be in a message before its last row."""
        return self.message_bytes // 8
