"""Which requests reach Dagster, without a server."""

import asyncio

import pytest

from ich_assets.runtime.web.guard import Guard
from ich_assets.runtime.web.hosts import AllowedHosts
from ich_assets.runtime.web.rules import Request, judge

HERE = ("host", "localhost:3000")
JSON = ("content-type", "application/json")
MUTATION = "mutation { launchRun { __typename } }"


def status(method="GET", path="/graphql", *headers, query=()) -> int:
    """Return the status of a refusal, 200 for what reaches Dagster."""
    names = {name for name, _ in headers}
    headers = headers if "host" in names else (HERE, *headers)
    refusal = judge(Request(method, path, tuple(query), headers), AllowedHosts())
    if refusal is None:
        return 200
    assert refusal.sentence.count("\n") == 0
    assert refusal.sentence.endswith(".") and " -> " in refusal.sentence
    return refusal.status


def test_the_requests_of_the_ui():
    page = ("origin", "http://localhost:3000")
    same = ("sec-fetch-site", "same-origin")
    assert status("POST", "/graphql", JSON, page, same) == 200
    assert status("POST", "/graphql", ("content-type", "Application/JSON; charset=utf-8")) == 200
    assert status("WEBSOCKET", "/graphql", page) == 200
    assert status("GET", "/runs", ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")) == 200
    assert status("GET", "/assets/x.js", same) == 200
    assert status("HEAD", "/server_info") == 200
    assert status("GET", "/graphql", ("accept", "text/html")) == 200


def test_a_link_on_another_site_shows_a_page():
    assert (
        status("GET", "/", ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")) == 200
    )


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_image_on_another_site_reads_nothing(site):
    assert status("GET", "/", ("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")) == 403


@pytest.mark.parametrize(
    "query",
    [
        MUTATION,
        "query a { version } mutation b { launchRun { __typename } }",
        "# a remark\n\ufeff mutation{x}",
        "subscription { x }",
        "fragment f on M { x } mutation { ...f }",
    ],
)
def test_get_only_reads(query):
    assert status(query=[query]) == 405
    assert status("HEAD", query=[query]) == 405
    assert status(query=["{ version }", query]) == 405
    assert status(query=["{ version }"]) == 200


@pytest.mark.parametrize("query", ["", "{", "{" * 5000, "mutation"])
def test_what_cannot_be_parsed_does_not_pass(query):
    assert status(query=[query]) == 400


@pytest.mark.parametrize(
    "kind",
    [
        (),
        (("content-type", ""),),
        (("content-type", "text/plain"),),
        (("content-type", "text/plain; application/json"),),
        (("content-type", "application/x-www-form-urlencoded"),),
        (("content-type", "multipart/form-data; boundary=application/json"),),
        (("content-type", "application/graphql"),),
        (("content-type", "text/plain"), JSON),
        (("content-type", "text/plain, application/json"),),
    ],
)
def test_a_form_is_no_mutation(kind):
    assert status("POST", "/graphql", *kind) == 415


@pytest.mark.parametrize("kind", ["materialization", "observation", "check", "of_a_later_version"])
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
def test_nobody_reports_assets(kind, method):
    assert status(method, f"/report_asset_{kind}/graphql", JSON) == 403


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/", 403),
        ("POST", "/graphql/", 403),
        ("POST", "/runs/graphql", 403),
        ("PUT", "/graphql", 405),
        ("DELETE", "/graphql", 405),
        ("OPTIONS", "/graphql", 405),
        ("WEBSOCKET", "/", 403),
    ],
)
def test_other_ways_in(method, path, answer):
    assert status(method, path, JSON) == answer


@pytest.mark.parametrize("method", ["GET", "POST", "WEBSOCKET"])
@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ((("host", "evil.example"),), 403),
        ((("host", "0.0.0.0:3000"),), 403),
        ((HERE, ("host", "evil.example")), 400),
        ((("host", ""),), 400),
        ((HERE, ("origin", "http://evil.example")), 403),
        ((HERE, ("origin", "null")), 403),
        ((HERE, ("origin", "http://localhost:8888")), 403),
        ((HERE, ("origin", "http://localhost:3000"), ("origin", "http://evil.example")), 403),
        ((HERE, ("sec-fetch-site", "cross-site")), 403),
    ],
)
def test_foreign_names_and_pages(method, headers, answer):
    assert status(method, "/graphql", JSON, *headers) == answer


def test_no_host_at_all():
    refusal = judge(Request("GET", "/"), AllowedHosts())
    assert refusal is not None and refusal.status == 400


def _served(prefix: str, path: str, method: str = "POST") -> int:
    """Return the status that a guard with a prefix sends."""
    sent = []

    async def application(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    headers = [(b"Host", b"localhost"), (b"Content-Type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Guard(application, AllowedHosts(), prefix)(scope, None, send))
    assert (b"x-frame-options", b"SAMEORIGIN") in sent[0]["headers"]
    return sent[0]["status"]


def test_a_server_below_a_prefix():
    assert _served("/ich", "/ich/graphql") == 200
    assert _served("/ich", "/ich/report_asset_check/graphql") == 403
    assert _served("/ich", "/ichor/graphql") == 403
    assert _served("", "/graphql") == 200
