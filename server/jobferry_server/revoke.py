"""Revoking tokens, and taking it back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from psycopg.rows import dict_row

from jobferry_server.administration import connect_admin
from jobferry_server.errors import TokenRefused

__all__ = ["claims_of", "restore", "revocations", "revoke"]

LIST = (
    "select token_id, owner, issued_before, expires_at, reason, revoked_at, revoked_by"
    " from jobferry.revocations order by revoked_at"
)


def revoke(
    dsn: str,
    *,
    token_id: str | None = None,
    owner: str | None = None,
    expires_at: datetime | None = None,
    before: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Believe one token no more, or none that the owner was given before then (now)."""
    with connect_admin(dsn) as connection:
        if token_id is not None:
            connection.execute(
                "select jobferry.revoke_token(%s, %s, %s)", (token_id, expires_at, reason)
            )
        else:
            connection.execute("select jobferry.revoke_owner(%s, %s, %s)", (owner, before, reason))


def restore(dsn: str, *, token_id: str | None = None, owner: str | None = None) -> bool:
    """Take it back; was there anything to take back?"""
    with connect_admin(dsn) as connection:
        found: Any = connection.execute(
            "select jobferry.unrevoke_token(%s) or jobferry.unrevoke_owner(%s)", (token_id, owner)
        ).fetchone()
    return bool(found[0])


def revocations(dsn: str) -> list[dict[str, Any]]:
    """All that is revoked, the oldest first."""
    with connect_admin(dsn) as connection:
        return connection.cursor(row_factory=dict_row).execute(LIST).fetchall()


def claims_of(token: str) -> Mapping[str, Any]:
    """What a token says, true or not; :class:`TokenRefused` if it is none."""
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise TokenRefused(f"this is no token: {error}") from error
    return claims
