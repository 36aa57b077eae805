"""Every document that the code cites is in the repository, and has the section that is cited."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

REFERENCE = "docs/" + "reference.md"
FOLDERS = ("ich_assets", "ich_resources", "ich_slurm", "benchmarks", "tests")
DOCUMENT = re.compile(r"(?<![\w./<{-])([\w./-]+\.md)\b")
CITATION = re.compile(
    r",? (?:(?P<opening>opening table)"
    r"|sections? (?P<numbers>\d+(?:(?:, | and |, and )\d+)*)"
    r'(?:, "(?P<name>[^"]+)")?)'
)


def python_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in sorted((root / folder).rglob("*.py")))


def prose(path: Path) -> str:
    """Return the strings and comments of a file, each line joined to the next."""
    reader = io.StringIO(path.read_text(encoding="utf-8")).readline
    pieces = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)  # from Python 3.12
    kinds = (tokenize.STRING, tokenize.COMMENT, pieces)
    parts = [t.string.lstrip("#") for t in tokenize.generate_tokens(reader) if t.type in kinds]
    return re.sub(r"\s+", " ", "\n".join(parts))


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def missing_documents(text: str, places: list[Path]) -> list[str]:
    names = [name for name in DOCUMENT.findall(text) if Path(name).stem]
    return [name for name in names if not any((place / name).is_file() for place in places)]


def citations(text: str) -> list[tuple[str, re.Match[str] | None]]:
    """Return what follows each mention of the reference, and what of it is a citation."""
    ends = [found.end() for found in re.finditer(re.escape(REFERENCE), text)]
    return [(text[end : end + 40], CITATION.match(text, end)) for end in ends]


def unmet(text: str, page: str) -> list[str]:
    """Return the citations of a text that the page does not answer."""
    sections = dict(re.findall(r"^## (\d+)\. .*\n((?:(?!## ).*\n)*)", page, re.MULTILINE))
    wrong = []
    for following, found in citations(text):
        if found is None:
            wrong.append(f"{following!r} is not `, section N`")
        elif found["opening"]:
            if "|---|" not in page[: page.index("\n## ")]:
                wrong.append("no table before the first section")
        else:
            numbers = re.findall(r"\d+", found["numbers"])
            wrong += [f"no section {number}" for number in numbers if number not in sections]
            name = found["name"]
            if name and f"### {name}\n" not in "".join(sections.get(n, "") for n in numbers):
                wrong.append(f"no {name!r} in section {found['numbers']}")
    return wrong


def test_each_cited_section_of_the_reference_exists(root):
    page = (root / REFERENCE).read_text(encoding="utf-8")
    texts = {path: prose(path) for path in python_files(root) if path != Path(__file__)}
    assert sum(len(citations(text)) for text in texts.values()) > 20
    wrong = {str(path): unmet(text, page) for path, text in texts.items() if unmet(text, page)}
    assert not wrong


def test_each_cited_document_is_in_the_repository(root):
    wrong = {}
    for path in python_files(root):
        if path == Path(__file__):
            continue
        places = [root, path.parent]
        if root / "tests" in path.parents:  # tests name the pages of docs/ without the folder
            places.append(root / "docs")
        if missing := missing_documents(prose(path), places):
            wrong[str(path)] = missing
    assert not wrong


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (", section 5", []),
        (", sections 1 and 2", []),
        (', section 5, "Overlay"', []),
        (", opening table", []),
        (", section 9", ["no section 9"]),
        (", sections 2 and 8", ["no section 8"]),
        (', section 4, "Overlay"', ["no 'Overlay' in section 4"]),
        (" somewhere", ["' somewhere' is not `, section N`"]),
    ],
)
def test_a_wrong_citation_is_found(root, said, fault):
    page = (root / REFERENCE).read_text(encoding="utf-8")
    assert unmet(f"({REFERENCE}{said}", page) == fault


def test_a_document_that_is_not_here_is_found(root):
    assert missing_documents("see dagster.md, section 7, and README.md", [root]) == ["dagster.md"]
