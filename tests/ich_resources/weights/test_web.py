"""TLS and proxies: what is not trusted is not used, and redirects never leave TLS."""

from contextlib import ExitStack

import pytest
from fetching import ALL, expected_checkpoints
from tls import Reply, internet

from ich_resources.errors import FetchError
from ich_resources.weights.sources import mirror

HOST = "mirror.example"
BASE = f"https://{HOST}"


@pytest.fixture
def site_of(tmp_path, monkeypatch):
    """Serve from a host with TLS, behind a proxy."""
    (tmp_path / "tls").mkdir()
    with ExitStack() as stack:

        def start(answer):
            environment = stack.enter_context(internet(tmp_path / "tls", [HOST], answer))
            for name, value in environment.items():
                monkeypatch.setenv(name, value)

        yield start


def test_a_mirror_behind_a_proxy_and_a_certificate_of_the_site(site, site_of, assets):
    site_of(lambda host, path, query, headers: Reply(assets[path.lstrip("/")]))
    site.fetch(mirror(BASE, ()))
    assert site.checkpoints() == expected_checkpoints()


def test_a_certificate_that_nobody_vouches_for(site, site_of, assets, monkeypatch):
    site_of(lambda host, path, query, headers: Reply(assets[path.lstrip("/")]))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(FetchError, match=r"certificate of mirror\.example") as caught:
        site.fetch(mirror(BASE, (0.0,)))
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy


def test_a_redirect_from_tls_to_none_is_refused(site, site_of, server):
    def answer(host, path, query, headers) -> Reply:
        return Reply(status=302, headers={"Location": f"{server.url()}{path}"})

    site_of(answer)
    with pytest.raises(FetchError, match="leads from https to http"):
        site.fetch(mirror(BASE, ()))
    assert server.asked == []


def test_a_redirect_in_a_circle_ends(site, site_of):
    site_of(lambda host, path, query, headers: Reply(status=302, headers={"Location": path}))
    with pytest.raises(FetchError, match="TooManyRedirects"):
        site.fetch(mirror(BASE, ()))


def test_a_proxy_that_is_not_there(site, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(FetchError, match="the proxy in HTTP_PROXY or HTTPS_PROXY"):
        site.fetch(mirror(BASE, ()), backbones=ALL[:1])
