"""Making a ledger old: time is nothing a test can wait for."""

from integration.database import Database

__all__ = ["age", "finished"]


def finished(db: Database, count: int, owner: str | None = "anna", **columns: object) -> list[str]:
    """Completed jobs, as somebody who knows nothing but the table writes them."""
    columns = {"submitted_by": owner, "completed": True} | columns
    with db.together():
        return [str(db.insert(**columns)) for _ in range(count)]


def age(db: Database, days: int = 100, owner: str | None = None) -> None:
    """What has finished (of this owner) did so long ago. Only the engine may say so."""
    with db.together():
        db.do("set local role jobferry_engine")
        db.do(
            "update public.background_jobs set finished_at = now() - make_interval(days => %s)"
            " where finished_at is not null and (%s::text is null or submitted_by = %s)",
            days,
            owner,
            owner,
        )
