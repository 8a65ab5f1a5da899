"""Places: how many devices may be connected, of one owner and in all."""

from jobferry_server.errors import TooManyConnections
from jobferry_server.gateway.device import Device

__all__ = ["RETRY_SECONDS", "Places"]

#: When a device that found no place may ask again, in seconds. It adds its own spread.
RETRY_SECONDS = 10


class Places:
    """``most`` on this gateway, ``most_of_owner`` of each owner; 0 is no limit."""

    def __init__(self, most: int, most_of_owner: int) -> None:
        self._most = most
        self._most_of_owner = most_of_owner
        self._by_owner: dict[str, set[Device]] = {}
        self._taken = 0

    @property
    def full(self) -> bool:
        """Is there no place left for anybody?"""
        return 0 < self._most <= self._taken

    def enter(self, device: Device) -> None:
        """Give this device a place, or raise :class:`TooManyConnections`.

        Where there is none left it takes the place of its own earlier connection: the gateway may
        not have noticed yet that it is dead.
        """
        mine = self._by_owner.get(device.owner, set())
        if self.full or 0 < self._most_of_owner <= len(mine):
            self._make_way(device, mine)
        self._by_owner.setdefault(device.owner, set()).add(device)
        self._taken += 1

    def leave(self, device: Device) -> None:
        """Its place is free, if it had one."""
        mine = self._by_owner.get(device.owner, set())
        if device in mine:
            mine.remove(device)
            self._taken -= 1
        if not mine:
            self._by_owner.pop(device.owner, None)

    def _make_way(self, device: Device, mine: set[Device]) -> None:
        for earlier in mine:
            if earlier.client_id == device.client_id:
                self.leave(earlier)
                earlier.hang_up()
                return
        who = "this gateway has" if self.full else "you have"
        raise TooManyConnections(f"{who} as many devices connected as may be", RETRY_SECONDS)
