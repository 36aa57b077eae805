"""What the code cites is in the repository: the document, and the section of it."""

import re
import subprocess

import pytest
from live import ROOT

PAGE = "docs/reference.md"
CITATION = re.compile(
    r"docs/reference\.md,\s+(?:sections?\s+(\d+(?:(?:,| and)\s*\d+)*)|the table of classes)"
)
SUBSECTION = re.compile(r'docs/reference\.md,\s+section\s+\d+,\s+"([^"]+)"')
DOCUMENT = re.compile(r"[\w/.-]*\b[\w-]+\.md\b(?!\()")


def _sources() -> dict[str, str]:
    """Every Python file of the repository, with line breaks and indents as single spaces."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"],
        cwd=ROOT,
        text=True,
        check=True,
        capture_output=True,
    ).stdout.split()
    texts = {name: (ROOT / name).read_text() for name in listed if (ROOT / name).is_file()}
    return {name: re.sub(r"\s+", " ", text) for name, text in texts.items()}


SOURCES = _sources()
CITING = [
    name
    for name, text in SOURCES.items()
    if PAGE in text and name != "tests/docs/test_citations.py"
]


def test_the_formulas_are_cited_where_they_are_used():
    assert len([name for name in CITING if name.startswith("ich_resources/")]) >= 15


@pytest.mark.parametrize("name", CITING)
def test_each_citation_has_its_section(name):
    page = (ROOT / PAGE).read_text()
    cited = [m for m in CITATION.finditer(SOURCES[name]) if m[1]]
    numbers = {number for match in cited for number in re.findall(r"\d+", match[1])}
    assert numbers or "the table of classes" in SOURCES[name], "a citation without a section"
    for number in numbers:
        assert re.search(rf"^## {number}\. ", page, re.MULTILINE), f"section {number}"
    for title in SUBSECTION.findall(SOURCES[name]):
        assert re.search(rf"^### {title}$", page, re.MULTILINE), title
    assert SOURCES[name].count(PAGE) == len(CITATION.findall(SOURCES[name])), "cited otherwise"


@pytest.mark.parametrize("name", [n for n in SOURCES if not n.startswith("tests/")])
def test_no_document_is_cited_that_is_not_here(name):
    for document in DOCUMENT.findall(SOURCES[name]):
        assert (ROOT / document).is_file(), f"{document} is not in the repository"
