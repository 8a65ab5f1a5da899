"""What the dashboard's pages say in detail, and what they do not make up."""

import json
import re

from pydantic import SecretStr

from integration.database import Database, Spec
from integration.wire import wired
from support.dashboard import ask, dashboard
from support.processes import eventually
from support.services import Services, token

TOKEN = "a token that nobody guesses"
LATENCY = re.compile(r'<h2 id="latency">.*?</svg>', re.DOTALL)


def test_nobody_is_said_to_have_been_quick_when_nothing_was_done(
    db: Database, services: Services
) -> None:
    with dashboard(services) as url:
        (nothing,) = LATENCY.findall(ask(url).text)
        assert "<polyline" not in nothing
        assert 'class="median" x=' not in nothing
        db.submit(Spec())
        db.register("p", "default")
        db.flush("p", done=[(held, None) for held in db.take()])
        (one,) = LATENCY.findall(ask(url).text)
        assert "<polyline" not in one
        assert one.count('class="median" x=') == 1


def test_a_device_shows_its_connection_and_what_a_gateway_rejected(
    db: Database, services: Services
) -> None:
    with dashboard(services) as url, services.gateway() as gateway:
        with wired(gateway, Authorization=f"Bearer {token()}") as wire:
            wire.hello()
            eventually(lambda: 'class="badge online"' in ask(url, "/devices").text)
            db.do(
                "update jobferry.devices set rejected_at = now(), rejected_job = 'f00', rejected_code = 'task_refused',"
                " rejected_message = '<b>no</b>'"
            )
            page = ask(url, "/devices").text
            assert re.search(r"task_refused</code> &lt;b&gt;no&lt;/b&gt;.*?…f00", page, re.DOTALL)
        eventually(lambda: 'class="badge offline"' in ask(url, "/devices").text)


def test_a_long_text_in_a_payload_does_not_hide_the_rest(db: Database, services: Services) -> None:
    spec = Spec(payload=json.dumps({"photo": "x" * 50_000, "name": "sea.jpg"}))
    db.submit(spec)
    with dashboard(services) as url:
        page = ask(url, f"/jobs/{spec.id}").text
        assert "xxx… (50,000 characters)" in page
        assert "sea.jpg" in page
        assert len(json.loads(ask(url, f"/jobs/{spec.id}/payload.json").content)["photo"]) == 50_000


def test_a_cookie_of_odd_octets_is_nobody_s(services: Services) -> None:
    with dashboard(services, token=SecretStr(TOKEN)) as url:
        assert ask(url, "/jobs", Cookie="jobferry_dashboard=99999999999.\xe9").status == 401


def test_styles_are_kept_and_pages_are_not(services: Services) -> None:
    with dashboard(services) as url:
        first = ask(url, "/static/dashboard.css")
        assert first.headers["cache-control"] == "no-cache"
        assert ask(url, "/static/dashboard.css", If_None_Match=first.headers["etag"]).status == 304
        assert ask(url, "/jobs").headers["cache-control"] == "no-store"
