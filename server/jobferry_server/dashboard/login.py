"""The door, where a token is asked for."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobferry_server.dashboard.access import COOKIE, SESSION_SECONDS
from jobferry_server.dashboard.view import board_of, path_to, render

__all__ = ["login", "logout"]


async def login(request: Request) -> Response:
    """Ask for the token; whoever knows it goes on to where he was going."""
    token = board_of(request).access.token
    if token is None:
        return RedirectResponse(path_to(request, "overview"), 303)
    wrong = False
    if request.method == "POST":
        async with request.form(max_files=0, max_fields=4) as form:
            if token.known(str(form.get("token", ""))):
                return _let_in(request, token.session())
        wrong = True
    return render(request, "login.html", status=403 if wrong else 200, wrong=wrong)


async def logout(request: Request) -> Response:
    """Forget who it was."""
    answer = RedirectResponse(path_to(request, "login"), 303)
    answer.delete_cookie(COOKIE, path=path_to(request, "overview"))
    return answer


def _let_in(request: Request, session: str) -> Response:
    answer = RedirectResponse(_next(request), 303)
    answer.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        path=path_to(request, "overview"),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _next(request: Request) -> str:
    """Where he was going, within the dashboard: whatever else the address says."""
    there = request.query_params.get("next", "/")
    inside = there.startswith("/") and not there.startswith(("//", "/\\"))
    return path_to(request, "overview") + (there if inside else "/").removeprefix("/")
