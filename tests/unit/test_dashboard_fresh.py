"""Figures that many browsers ask for at once are looked for once."""

import asyncio

import pytest

from jobferry_server.dashboard.fresh import Fresh


class Source:
    """Answers when it is told to; says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def find(self) -> int:
        """One look."""
        self.asked += 1
        return await self.answer


def test_all_who_wait_get_one_answer_even_if_the_first_goes_away() -> None:
    async def look() -> None:
        fresh, source = Fresh(1000.0), Source()
        first, second = (asyncio.ensure_future(fresh.get("x", source.find)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        source.answer.set_result(7)
        assert await second == await fresh.get("x", source.find) == 7
        assert source.asked == 1

    asyncio.run(look())


def test_an_error_is_everybody_s_and_is_not_kept() -> None:
    async def look() -> None:
        fresh, source = Fresh(1000.0), Source()
        waiting = [asyncio.ensure_future(fresh.get("x", source.find)) for _ in range(3)]
        await asyncio.sleep(0)
        source.answer.set_exception(OSError("away"))
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [OSError] * 3
        assert source.asked == 1
        with pytest.raises(OSError, match="away"):
            await fresh.get("x", source.find)
        assert source.asked == 2

    asyncio.run(look())
