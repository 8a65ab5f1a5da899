"""The page's routes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from jobferry_client import AsyncJobClient, JobNotFound, NewJob
from jobferry_demo.web.cards import picture_of
from jobferry_demo.web.errors import Unsuitable
from jobferry_demo.web.files import MOST_OCTETS, job_of_file
from jobferry_demo.web.guard import Guard, policy
from jobferry_demo.web.live import Live, View
from jobferry_demo.web.wishes import job_of_wish
from jobferry_shared.errors import JobferryError

__all__ = ["Page"]

HERE = Path(__file__).parent

pages = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Page:
    """The page of one device: its name, its jobs, and its looks.

    ``beside`` are the origins of pages that this one may be shown beside, in one window.
    """

    def __init__(
        self, client: AsyncJobClient, name: str, port: int, looks: str, beside: tuple[str, ...]
    ) -> None:
        self.live = Live(client)
        self._client = client
        self._name = name
        self._looks = looks
        self._beside = beside
        friends = " ".join(("'self'", *beside))
        self.app = Starlette(
            routes=[
                Route("/", self._show),
                Route("/both", self._show_both),
                Route("/events", self._follow),
                Route("/files", self._take_file, methods=["POST"]),
                Route("/jobs", self._take_wish, methods=["POST"]),
                Route("/jobs/{id:uuid}/cancel", self._cancel, methods=["POST"]),
                Route("/jobs/{id:uuid}/picture", self._picture),
                Route("/switch", self._switch, methods=["POST"]),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            middleware=[Middleware(Guard, port=port, policy=policy(friends, friends))],
            exception_handlers={Unsuitable: _refuse, JobferryError: _refuse, JobNotFound: _miss},
        )

    async def _show(self, _: Request) -> Response:
        view = await self.live.look()
        return HTMLResponse(
            self._render("page", view, most_octets=MOST_OCTETS, beside=self._beside)
        )

    async def _show_both(self, _: Request) -> Response:
        return HTMLResponse(pages.get_template("both.html").render(others=self._beside))

    async def _follow(self, _: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for view in self.live.views():
            parts = {name: self._render(name, view) for name in ("standing", "jobs")}
            yield f"data: {json.dumps(parts)}\n\n"

    async def _take_file(self, request: Request) -> Response:
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Unsuitable("No file came.")
            content = await file.read()
            # A large photograph is scaled down, which takes a while.
            job = await asyncio.to_thread(job_of_file, file.filename or "", content)
        return await self._submit(job)

    async def _take_wish(self, request: Request) -> Response:
        return await self._submit(job_of_wish(_texts(await request.form(max_files=0))))

    async def _submit(self, job: NewJob) -> Response:
        await self._client.submit_many([job])
        return _back()

    async def _cancel(self, request: Request) -> Response:
        await self._client.cancel(request.path_params["id"])
        return _back()

    async def _switch(self, request: Request) -> Response:
        fields = _texts(await request.form(max_files=0))
        await self.live.switch(fields.get("on") == "yes")
        return _back()

    async def _picture(self, request: Request) -> Response:
        id: UUID = request.path_params["id"]  # noqa: A001 - the field's word
        picture = picture_of(await self._client.get(id))
        if picture is None:
            return PlainTextResponse("That job has no picture.", 404)
        # A result never changes.
        forever = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(picture, media_type="image/jpeg", headers=forever)

    def _render(self, template: str, view: View, **more: object) -> str:
        return pages.get_template(f"{template}.html").render(
            view=view, name=self._name, looks=self._looks, **more
        )


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _back() -> Response:
    """To the page, which shows what has become of it."""
    return RedirectResponse("/", 303)


def _refuse(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 422)


def _miss(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 404)
