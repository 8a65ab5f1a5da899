"""The dashboard while something fails, is hidden, or is held by somebody's hand."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from integration.database import Database, Spec
from support.browser import watched
from support.dashboard import dashboard
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import Services

LIVE = re.compile("^live$")
TOKEN = "a token that nobody guesses"
#: As a browser does when another window is before this one.
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def says(page: Page, words: str | re.Pattern[str]) -> None:
    """What the page says of itself, by and by."""
    expect(page.locator("#liveness-words")).to_contain_text(words)


def test_a_window_that_nobody_sees_gives_its_stream_to_another(
    services: Services, chrome: Browser
) -> None:
    # Not watched for complaints: the stream of the other may not be free yet when it is asked for.
    with dashboard(services, browsers=1) as url, chrome.new_context(base_url=url) as context:
        page = context.new_page()
        page.goto("/jobs")
        says(page, LIVE)
        page.evaluate(HIDE, True)
        with page.context.expect_page() as opened:
            page.evaluate("window.open('/jobs')")
        other = opened.value
        says(other, LIVE)
        other.close()
        page.evaluate(HIDE, False)
        says(page, LIVE)


def test_what_has_the_focus_keeps_it_while_the_page_lives(
    db: Database, services: Services, chrome: Browser
) -> None:
    db.submit(Spec(), Spec(task="other"))
    with dashboard(services, manage=True) as url, watched(chrome, url) as page:
        page.goto("/queues")
        button = page.get_by_role("button", name="Pause task other")
        button.focus()
        button.evaluate("one => one.dataset.old = 'yes'")
        db.submit(Spec(task="third"))
        expect(page.get_by_role("link", name="third")).to_be_visible()
        expect(button).not_to_have_attribute("data-old", "yes")
        expect(button).to_be_focused()


@pytest.mark.parametrize("how", ["chosen", "paused"])
def test_a_page_that_is_held_is_up_to_date_once_it_is_let_go(
    db: Database, services: Services, chrome: Browser, how: str
) -> None:
    db.submit(Spec())
    with dashboard(services, manage=True) as url, watched(chrome, url) as page:
        page.goto("/jobs")
        says(page, LIVE)
        hold = {"chosen": 'input[name="id"]', "paused": "#pause"}[how]
        page.locator(hold).click()
        db.submit(Spec())
        page.wait_for_function(
            "url => fetch(url).then(r => r.text()).then(t => t.includes('2 jobs'))", arg="/jobs"
        )
        expect(page.locator("tbody tr")).to_have_count(1)
        page.locator(hold).click()
        expect(page.locator("tbody tr")).to_have_count(2)


def test_postgres_goes_away_and_comes_back(services: Services, chrome: Browser) -> None:
    proxy = Proxy(postgres_target(services.dsn))
    with proxy, pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "dsn", postgres_behind(proxy, services.dsn))
        context = chrome.new_context()
        with dashboard(services) as url:
            page = context.new_page()
            page.goto(f"{url}/jobs")
            says(page, LIVE)
            proxy.close()
            says(page, "not live")
            proxy.open()
            says(page, LIVE)
        context.close()


def test_a_session_that_has_ended_is_said(services: Services, chrome: Browser) -> None:
    context = chrome.new_context()
    with dashboard(services, token=SecretStr(TOKEN)) as url:
        page = context.new_page()
        page.goto(f"{url}/jobs?task=x")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{url}/jobs?task=x")
        says(page, LIVE)
        context.clear_cookies()
        says(page, "you are logged out")
    context.close()


def test_all_that_match_are_cancelled(db: Database, services: Services, chrome: Browser) -> None:
    db.submit(*(Spec() for _ in range(60)), Spec(owner="bert"))
    with dashboard(services, manage=True) as url, watched(chrome, url) as page:
        page.goto("/jobs?owner=anna")
        page.get_by_role("link", name="cancel …").click()
        page.get_by_role("button", name="Cancel 60 jobs").click()
        expect(page.locator(".notice.good")).to_have_text("60 cancelled.")
        expect(page).to_have_url(f"{url}/jobs?owner=anna")
    assert db.value("select count(*) from background_jobs where status = 'cancelled'") == 60
