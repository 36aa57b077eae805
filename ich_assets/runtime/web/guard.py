"""The guard itself: an ASGI application around Dagster's."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import QueryParams

from ich_assets.runtime.web.hosts import AllowedHosts
from ich_assets.runtime.web.rules import Refusal, Request, judge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_POLICY_VIOLATION = 1008
_NO_FRAMES = (b"x-frame-options", b"SAMEORIGIN")
"""No other site may show the pages in a frame, where it could guide clicks."""


class Guard:
    """Lets the requests of the UI through, and answers all others itself.

    Parameters
    ----------
    application : ASGI application
        Dagster's.
    allowed : AllowedHosts
        The names of this server.
    prefix : str
        Begin of every path of the application, such as ``/dagster``; empty for none.

    References
    ----------
    asgi.readthedocs.io/en/latest/specs/www.html
    """

    def __init__(self, application: Application, allowed: AllowedHosts, prefix: str = "") -> None:
        self._application = application
        self._allowed = allowed
        self._prefix = prefix

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Judge a request or a WebSocket before anything of it is read."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        refusal = judge(self._request(scope), self._allowed)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._application(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        elif refusal is None:
            await self._application(scope, receive, _without_frames(send))
        else:
            await _answer(refusal, send)

    def _request(self, scope: Message) -> Request:
        path = str(scope["path"])
        if path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        )
        method = str(scope["method"]).upper() if scope["type"] == "http" else "WEBSOCKET"
        # Decoded as Dagster's own framework does.
        queries = QueryParams(scope.get("query_string", b"")).getlist("query")
        return Request(method, path, tuple(queries), headers)


def _without_frames(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), _NO_FRAMES]}
        await send(message)

    return sending


async def _answer(refusal: Refusal, send: Send) -> None:
    body = f"{refusal.sentence}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        # The body was not read, so the connection cannot serve another request.
        (b"connection", b"close"),
        _NO_FRAMES,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
