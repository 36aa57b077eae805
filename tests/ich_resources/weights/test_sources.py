"""Where a release comes from, and where a token goes: to one host, and into no text."""

import pytest
from fetching import ALL, expected_checkpoints
from release import REPOSITORY, TAG, ReleaseServer, public, running, stated

from ich_resources.environment import GITHUB_TOKEN, RELEASE_TOKEN, github_token
from ich_resources.errors import FetchError, IchError
from ich_resources.weights.release import ARCHIVES, DIGESTS
from ich_resources.weights.resource import WeightsResource
from ich_resources.weights.share import Share
from ich_resources.weights.sources import from_base_url, mirror

TOKEN = "ghp_Sesame7351"
WAITS = (0.0, 0.0)
ARCHIVE = ARCHIVES[ALL[0].name]


def test_a_mirror_needs_the_files_alone(site, server, assets):
    server.files = {f"/deep/folder/{name}": content for name, content in assets.items()}
    site.fetch(mirror(f"{server.url()}/deep/folder/", WAITS))
    assert site.checkpoints() == expected_checkpoints()


def test_the_github_token_does_not_go_to_a_mirror(site, server, assets, monkeypatch):
    server.files = {f"/{name}": content for name, content in assets.items()}
    monkeypatch.setenv(GITHUB_TOKEN, TOKEN)
    weights = WeightsResource(base_url=server.url(), repository=REPOSITORY, tag=TAG)
    fetch = {"force": False, "say": site.said.append, "warn": site.warned.append}
    weights.fetch(site.folder, ALL, range(5), **fetch)
    assert site.checkpoints() == expected_checkpoints()
    assert all("Authorization" not in asked.headers for asked in server.asked)


def test_a_mirror_s_password_comes_from_netrc_and_follows_no_redirect(
    site, server, assets, tmp_path, monkeypatch
):
    file = tmp_path / "netrc"
    file.write_text(
        "machine 127.0.0.1 login me password secret\nmachine localhost login a password b\n"
    )
    monkeypatch.setenv("NETRC", str(file))
    with running(ReleaseServer()) as front:
        for name, content in assets.items():
            server.files[f"/{name}"] = content
            front.redirects[f"/{name}"] = f"{server.url('localhost')}/{name}"
        site.fetch(mirror(front.url(), WAITS))
        assert all(asked.headers["Authorization"].startswith("Basic ") for asked in front.asked)
    assert all("Authorization" not in asked.headers for asked in server.asked)


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_a_folder_serves_as_well(site, assets, tmp_path, form):
    folder = tmp_path / "a share, with 50% more"
    folder.mkdir()
    for name, content in assets.items():
        (folder / name).write_bytes(content)
    text = str(folder) if form == "{}" else str(folder).replace(" ", "%20").replace("50%", "50%25")
    before = {path: path.stat() for path in folder.iterdir()}
    site.fetch(from_base_url(form.format(text)))
    assert site.checkpoints() == expected_checkpoints()
    assert {path: path.stat() for path in folder.iterdir()} == before
    (folder / ARCHIVE).write_bytes(b"changed since")
    assert set(site.fetch(Share(folder)).values()) == {"kept"}
    with pytest.raises(FetchError, match="the release states"):
        site.fetch(Share(folder), force=True)
    assert site.checkpoints() == expected_checkpoints()


def test_a_folder_that_is_not_there_or_lacks_a_file(site, assets, tmp_path):
    with pytest.raises(FetchError, match="the folder does not exist"):
        site.fetch(Share(tmp_path / "nowhere"))
    (tmp_path / DIGESTS).write_bytes(stated(assets))
    with pytest.raises(FetchError, match="the file does not exist") as caught:
        site.fetch(Share(tmp_path))
    assert caught.value.path == tmp_path / ARCHIVE


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@mirror/x",
        "https://mirror/x?sig=hunter2",
        "https://",
        "ftp://mirror/hunter2",
        "file://server/share",
    ],
)
def test_addresses_that_are_none(url):
    with pytest.raises(FetchError) as caught:
        from_base_url(url)
    assert "hunter2" not in str(caught.value)


def test_the_own_token_goes_before_the_general_one(monkeypatch):
    monkeypatch.delenv(RELEASE_TOKEN, raising=False)
    monkeypatch.delenv(GITHUB_TOKEN, raising=False)
    assert github_token() == ("", "")
    monkeypatch.setenv(GITHUB_TOKEN, " general \n")
    assert github_token() == ("general", GITHUB_TOKEN)
    monkeypatch.setenv(RELEASE_TOKEN, "own")
    assert github_token() == ("own", RELEASE_TOKEN)
    for bad in ("two words", "gro\u00df", "a\nb"):
        monkeypatch.setenv(RELEASE_TOKEN, bad)
        with pytest.raises(IchError) as caught:
            github_token()
        assert bad not in str(caught.value)


@pytest.mark.parametrize("repository", ["", "name", "a/b/c", "a/../b", "a/b?x", "https://x/y"])
def test_a_repository_that_is_none(site, repository):
    weights = WeightsResource(repository=repository)
    with pytest.raises(IchError, match="is not a release"):
        weights.fetch(site.folder, ALL, [0], force=False, say=print, warn=print)
    assert list(site.folder.parent.iterdir()) == []


def test_too_long_a_text_is_not_read_to_its_end(site, server, source):
    public(server, {DIGESTS: b"x" * 50_000_000})
    with pytest.raises(FetchError, match="far longer"):
        site.fetch(source())
