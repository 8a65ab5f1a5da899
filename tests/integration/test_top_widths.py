"""``jobferry top`` in a terminal of the usual width, with names that are longer, wider or odder than that."""

import pytest
from textual.widgets import DataTable

from integration.database import Database, Held, Spec
from integration.test_top import table, top

NAMES = ("r" * 60, "画像処理" * 8, "party 🎉" * 8, "tab\t\x1b[31mred\u202e" * 4)


@pytest.fixture
def crowd(db: Database) -> None:
    """One job of each name, half of them running; devices of such owners."""
    db.submit(*(Spec(task=name, owner=name) for name in NAMES))
    db.register("vm:4711:abcdef0123", *NAMES)
    rows = db.claim("vm:4711:abcdef0123", 2, tasks=NAMES)
    db.flush("vm:4711:abcdef0123", moved=[(Held(row["id"], row["attempt"]), 0.4) for row in rows])
    for name in NAMES:
        db.do(
            "insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at)"
            " values (gen_random_uuid(), %s, '0.1.0', 1234567, now() - interval '3 hours')",
            name,
        )


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("width", [80, 120])
async def test_each_table_fits_and_shows_its_values_whole(db: Database, width: int) -> None:
    async with top(db.dsn, size=(width, 24)) as pilot:
        for key in ("1", "v", "2", "3", "4"):
            await pilot.press(key)
            await pilot.pause()
            widget = pilot.app.screen_stack[0].query_one(DataTable)
            assert widget.virtual_size.width <= width, (key, table(pilot)[0])
            assert all(found.content_width <= found.width for found in widget.columns.values()), key
