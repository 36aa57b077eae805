"""A module has one idea, and so few lines that it is read in one go (CONTRIBUTING.md)."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 250


def test_no_module_is_longer_than_the_page_says():
    said = f"A file has one idea and at most {MOST_LINES} lines."
    assert said in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = [
        path for name in ("ich_assets", "ich_resources") for path in (ROOT / name).rglob("*.py")
    ]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lines) > 100
    longer = {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > MOST_LINES}
    assert not longer, f"split what holds two ideas: {longer}"
