"""Everything in one process: Postgres, gateway, processor, dashboard. For development and the demo."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobferry_server.beside import beside
from jobferry_server.dashboard.serve import serving
from jobferry_server.embedded import EmbeddedPostgres
from jobferry_server.folder_secret import folder_secret
from jobferry_server.gateway import Gateway
from jobferry_server.migrate import migrate
from jobferry_server.processor.processor import Processor
from jobferry_server.settings import DashboardSettings, GatewaySettings, ProcessorSettings
from jobferry_server.tokens import Verifier, issue

__all__ = ["Up", "running"]

TOKEN_LIFETIME = timedelta(days=30)
DEVELOPER = "developer"
#: Where the dashboard learns how far the gateway's feed lags.
THIS_PROCESS = ""


@dataclass(frozen=True, slots=True)
class Up:
    """Where everything is."""

    url: str
    dashboard: str
    dsn: str
    token: str
    data: Path


@asynccontextmanager
async def running(
    data: Path,
    dsn: str | None,
    processor: Processor | None,
    gateway_settings: GatewaySettings,
    processor_settings: ProcessorSettings,
    dashboard_settings: DashboardSettings,
    stop: asyncio.Event,
) -> AsyncIterator[Up]:
    """Run it all within the block; the data stay in the folder ``data``.

    Sets ``stop`` if one of them can't go on.
    """
    async with AsyncExitStack() as stack:
        if dsn is None:
            postgres = await asyncio.to_thread(EmbeddedPostgres, data)
            stack.push_async_callback(asyncio.to_thread, postgres.stop)
            dsn = postgres.dsn()
            await stack.enter_async_context(beside(stop, postgres.keep_running()))
        await asyncio.to_thread(migrate, dsn)
        secret = os.environ.get("JOBFERRY_JWT_SECRET") or folder_secret(data)
        gateway = Gateway(dsn, Verifier(secret), gateway_settings)
        await stack.enter_async_context(gateway.running(stop))
        if processor is not None:
            await stack.enter_async_context(
                processor.service(dsn, processor_settings).running(stop)
            )
        board = await stack.enter_async_context(
            serving(dsn, dashboard_settings, stop, gateway=THIS_PROCESS)
        )
        yield Up(gateway.url, board, dsn, issue(secret, DEVELOPER, TOKEN_LIFETIME), data)
