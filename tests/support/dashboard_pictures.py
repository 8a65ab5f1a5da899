"""Take the pictures of the dashboard that the documents show, of parts that really run.

``PYTHONPATH=tests python -m support.dashboard_pictures``. The jobs of the last day before are made by SQL;
everything else happens.
"""

import base64
import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from benchmarks.dashboard import add_history
from jobferry_client import JobClient
from jobferry_demo.tasks import processor
from support.browser import DESKTOP, PHONE, Scheme, browser, watched
from support.dashboard import dashboard
from support.postgres import open_server
from support.processes import eventually
from support.services import Services, token

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
HISTORY = 40_000
#: For the seconds in which jobs are seen to run.
SLOW = 60
SETTLE_MS = 1500


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(open_server())
        dsn = stack.enter_context(server.database())
        with psycopg.connect(dsn, autocommit=True) as connection:
            add_history(connection, HISTORY)
            connection.execute("analyze")
        services = stack.enter_context(Services(dsn))
        picture = stack.enter_context(_work(services, Path(folder)))
        url = stack.enter_context(dashboard(services, manage=True, gateway=""))
        chrome = stack.enter_context(browser())
        _take(chrome, url, "overview", "/?span=day", DESKTOP, "light")
        _take(chrome, url, "overview", "/?span=day", PHONE, "dark")
        _take(chrome, url, "jobs", "/jobs", DESKTOP, "dark")
        _take(chrome, url, "jobs", "/jobs", PHONE, "light")
        _take(chrome, url, "job", f"/jobs/{picture}", PHONE, "light")
        _take(chrome, url, "devices", "/devices", DESKTOP, "light")


@contextmanager
def _work(services: Services, folder: Path) -> Iterator[UUID]:
    """Devices and a processor at work; the job of a picture that is done."""
    with ExitStack() as stack:
        url = stack.enter_context(services.gateway())
        stack.enter_context(services.processor(processor, concurrency=8))
        till = stack.enter_context(JobClient(folder / "till.db", url, token("anna")))
        phone = stack.enter_context(JobClient(folder / "phone.db", url, token("bert")))
        for number in range(3):
            till.submit("sleep", {"seconds": SLOW + 20 * number})
        phone.submit("fail", {"times": 99}, max_attempts=1)
        phone.submit("summary", {"csv": "town,people\nRiga,605802\nTartu,97759\n"})
        till.submit("echo", {"hello": "world"})
        picture = till.submit("thumbnail", {"photo": _photo(), "name": "harbour.png"})
        till.wait(picture.id, timeout=60)
        _say_unsent(services)
        time.sleep(SLOW / 6)  # so that there is progress to be seen
        yield picture.id


def _say_unsent(services: Services) -> None:
    """A device that said what it had, and was not heard of since: as its row is an hour later."""
    with psycopg.connect(services.dsn, autocommit=True) as connection:
        eventually(lambda: connection.execute("select from jobferry.devices").rowcount == 2)
        connection.execute(
            "insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at, first_seen,"
            " last_seen) values (gen_random_uuid(), 'carla', '0.1.0', 3, now() - interval '52 minutes',"
            " now() - interval '9 days', now() - interval '50 minutes')"
        )


def _photo() -> str:
    """A harbour at dusk, as a PNG in base64."""
    image = Image.linear_gradient("L").resize((640, 400)).convert("RGB")
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((0, 0, 640, 250), fill=(250, 170, 90, 150))
    draw.rectangle((0, 250, 640, 400), fill=(20, 70, 90, 220))
    draw.ellipse((440, 180, 540, 280), fill=(255, 225, 150, 255))
    draw.rectangle((0, 252, 640, 400), fill=(20, 70, 90, 230))
    draw.polygon(((120, 270), (400, 270), (360, 320), (160, 320)), fill=(240, 240, 235, 255))
    draw.rectangle((190, 225, 300, 270), fill=(200, 60, 50, 255))
    draw.rectangle((315, 195, 335, 270), fill=(40, 50, 60, 255))
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _take(
    chrome: Browser, url: str, name: str, path: str, size: tuple[int, int], scheme: Scheme
) -> None:
    """One picture, in few colours: it is a drawing, not a photograph."""
    width = "phone" if size == PHONE else "desktop"
    with watched(chrome, url, size, scheme) as page:
        page.goto(path)
        page.wait_for_timeout(SETTLE_MS)
        with Image.open(io.BytesIO(page.screenshot(caret="initial"))) as image:
            few = image.convert("RGB").quantize(128)
            few.save(PICTURES / f"dashboard-{name}-{width}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
