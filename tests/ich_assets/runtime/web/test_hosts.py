"""Names of this server, and origins of pages."""

import pytest

from ich_assets.runtime.web.hosts import AllowedHosts, HostPort, parse_host, parse_origin
from ich_resources.environment import UI_HOSTS
from ich_resources.errors import IchError


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", HostPort("localhost", None)),
        ("LocalHost:3000", HostPort("localhost", 3000)),
        ("127.0.0.1:3017", HostPort("127.0.0.1", 3017)),
        ("[::1]:3000", HostPort("::1", 3000)),
        ("[0:0:0:0:0:0:0:1]", HostPort("::1", None)),
        ("ich-node.example.org:80", HostPort("ich-node.example.org", 80)),
        ("", None),
        ("::1", None),
        ("[::g]", None),
        ("user@localhost", None),
        ("localhost:70000", None),
        ("localhost:", None),
        ("localhost/path", None),
        ("local host", None),
    ],
)
def test_hosts(text, host):
    assert parse_host(text) == host


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:3000", (HostPort("localhost", 3000), 80)),
        ("https://ich.example", (HostPort("ich.example", 443), 443)),
        ("http://[::1]", (HostPort("::1", 80), 80)),
        ("null", None),
        ("file://", None),
        ("http://localhost:3000/page", None),
        ("http://evil.example@localhost", None),
        ("chrome-extension://abc", None),
    ],
)
def test_origins(text, origin):
    assert parse_origin(text) == origin


@pytest.mark.parametrize("name", ["localhost:1", "127.0.0.1:3017", "127.8.9.1", "[::1]:3000"])
def test_this_machine_is_allowed_on_every_port(name):
    assert AllowedHosts().allow(parse_host(name))


@pytest.mark.parametrize(
    "name", ["evil.example", "0.0.0.0:3000", "localhost.evil.example", "10.0.0.1", "webserver:3000"]
)
def test_other_names_are_not(name):
    assert not AllowedHosts().allow(parse_host(name))


def test_the_variable_adds_names(monkeypatch):
    monkeypatch.setenv(UI_HOSTS, "webserver, ICH.example.org:8443 [fd00::7]")
    allowed = AllowedHosts.from_environment()
    for name in ("webserver:3000", "webserver", "ich.example.org:8443", "[fd00:0::7]:1"):
        assert allowed.allow(parse_host(name)), name
    for name in ("ich.example.org", "ich.example.org:8444", "other"):
        assert not allowed.allow(parse_host(name)), name


@pytest.mark.parametrize("text", ["*", "http://ich.example", "a,b c/d", "ich.example:port"])
def test_a_wrong_variable_is_one_sentence(monkeypatch, text):
    monkeypatch.setenv(UI_HOSTS, text)
    with pytest.raises(IchError, match=r"UI_HOSTS: '\S+' is not a host name -> write"):
        AllowedHosts.from_environment()


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:3000", "localhost:3000", True),
        ("http://localhost", "localhost:80", True),
        ("https://localhost", "localhost", True),
        ("http://[::1]:3000", "[::1]:3000", True),
        ("http://localhost:8888", "localhost:3000", False),
        ("http://127.0.0.1:3000", "localhost:3000", False),
        ("http://evil.example", "localhost:3000", False),
        ("http://localhost:3000.evil.example", "localhost:3000", False),
        ("null", "localhost:3000", False),
        ("", "localhost:3000", False),
        # A proxy in between that changes the host: the variable names what the browser shows.
        ("https://ich.example", "webserver:3000", True),
        ("https://ich.example:8443", "webserver:3000", False),
        ("https://scans.example:8443", "webserver:3000", True),
    ],
)
def test_the_page_that_asks(origin, host, same):
    names = ["webserver", "ich.example", "scans.example:8443"]
    allowed = AllowedHosts([parse_host(name) for name in names])
    assert allowed.same_site(origin, parse_host(host)) == same
