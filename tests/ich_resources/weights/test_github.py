"""The release on GitHub: where its files are, and who gets the token."""

import pytest
from fetching import ALL, expected_checkpoints
from release import REPOSITORY, TAG, ReleaseServer, private, running

from ich_resources.environment import RELEASE_TOKEN
from ich_resources.errors import FetchError
from ich_resources.weights.github import PrivateRelease, public_release
from ich_resources.weights.release import ARCHIVES, DIGESTS

TOKEN = "ghp_Sesame7351"
WAITS = (0.0, 0.0)
ARCHIVE = ARCHIVES[ALL[0].name]


@pytest.fixture
def api(server: ReleaseServer, assets):
    """GitHub's API behind a token, whose redirects lead to another host: ``server``."""
    with running(ReleaseServer(token=TOKEN)) as started:
        private(started, server, assets, "localhost")
        yield started


def with_token(api: ReleaseServer, token: str = TOKEN) -> PrivateRelease:
    return PrivateRelease(api.url(), REPOSITORY, TAG, token, "THE_TOKEN", WAITS)


def test_a_private_release_and_the_token_goes_to_the_api_alone(site, api, server):
    site.fetch(with_token(api))
    assert site.checkpoints() == expected_checkpoints()
    assert [asked.headers["Authorization"] for asked in api.asked] == [f"Bearer {TOKEN}"] * 5
    accepted = [asked.headers["Accept"] for asked in api.asked]
    assert accepted == ["application/vnd.github+json"] + ["application/octet-stream"] * 4
    assert len(server.asked) == 4
    assert all("Authorization" not in asked.headers for asked in server.asked)
    assert all(asked.host.startswith("localhost") for asked in server.asked)
    assert TOKEN not in str(site.said) + repr(with_token(api).address(DIGESTS))


def test_the_token_does_not_follow_to_another_name_of_the_same_server(site, assets):
    with running(ReleaseServer(token=TOKEN, walled="/repos")) as one:
        private(one, one, assets, "localhost")
        site.fetch(with_token(one))
        stored = [asked for asked in one.asked if asked.path.startswith("/store")]
        assert len(stored) == 4
        assert all("Authorization" not in asked.headers for asked in stored)


def test_the_token_stays_on_the_same_host(site, assets):
    with running(ReleaseServer(token=TOKEN)) as one:
        private(one, one, assets, "127.0.0.1")
        site.fetch(with_token(one))
        assert all("Authorization" in asked.headers for asked in one.asked)
    assert site.checkpoints() == expected_checkpoints()


@pytest.mark.parametrize("url", ["http://git.example/api/v3", "git.example", "ftp://git.example"])
def test_the_token_travels_encrypted_or_not_at_all(url):
    with pytest.raises(FetchError, match="only over https") as caught:
        PrivateRelease(url, REPOSITORY, TAG, TOKEN, "THE_TOKEN")
    assert TOKEN not in str(caught.value)


def test_a_netrc_does_not_take_the_place_of_the_token(site, api, server, tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login me password secret\n" * 1)
    monkeypatch.setenv("NETRC", str(file))
    site.fetch(with_token(api))
    assert {asked.headers["Authorization"] for asked in api.asked} == {f"Bearer {TOKEN}"}


def test_a_broken_connection_is_continued_through_the_redirect(site, api, server, assets):
    server.breaks = [70_000]
    site.fetch(with_token(api))
    assert server.sent(f"/store/{ARCHIVE}") == [70_000, len(assets[ARCHIVE]) - 70_000]
    assert all("Authorization" not in asked.headers for asked in server.asked)


@pytest.mark.parametrize(("refusal", "words"), [(401, "renew it"), (403, "renew it")])
def test_a_token_wall_names_the_variable_and_not_the_token(site, api, refusal, words):
    api.refusal = refusal
    wrong = "ghp_Wrong0000"
    with pytest.raises(FetchError, match=f"answers {refusal}") as caught:
        site.fetch(with_token(api, wrong))
    assert words in caught.value.remedy and "THE_TOKEN" in caught.value.remedy
    assert wrong not in str(caught.value)
    assert site.files() == {}


def test_a_private_release_without_a_token_says_which_variable(site, server):
    server.files.clear()
    with pytest.raises(FetchError, match="answers 404") as caught:
        site.fetch(public_release(server.url(), REPOSITORY, TAG, RELEASE_TOKEN, WAITS))
    assert f"for a private repository set {RELEASE_TOKEN}" in caught.value.remedy


def test_a_release_without_the_archive(site, api, server, assets):
    api.redirects.clear()
    private(api, server, {DIGESTS: assets[DIGESTS]}, "localhost")
    with pytest.raises(FetchError, match=f"has no asset {ARCHIVE}"):
        site.fetch(with_token(api))


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"assets": [{"name": 1}]}', b"\xff"])
def test_an_answer_that_is_not_the_api_s(site, api, answer):
    api.files[f"/repos/{REPOSITORY}/releases/tags/{TAG}"] = answer
    with pytest.raises(FetchError, match="did not answer as GitHub"):
        site.fetch(with_token(api))


def test_a_signature_in_a_redirect_is_in_no_error(site, api, server):
    with running(ReleaseServer()) as gone:
        port = gone.port
    for path, target in api.redirects.items():
        api.redirects[path] = target.replace(f":{server.port}/", f":{port}/")
    with pytest.raises(FetchError) as caught:
        site.fetch(with_token(api))
    chain, texts = caught.value, []
    while chain is not None:
        texts.append(repr(chain))
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    assert "SIGNED-7351" not in "".join(texts) + "".join(site.said)
    assert TOKEN not in "".join(texts)
