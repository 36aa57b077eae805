"""``README.txt`` names every file of a results folder."""

import pytest

from ich_resources.storage.layout import Layout
from ich_resources.storage.readme import FILES, readme, write_readme
from ich_resources.worth import WARNINGS


@pytest.mark.parametrize("worth", WARNINGS)
def test_it_names_every_file_and_warns(worth):
    text = readme(worth, "sequence")
    assert text.isascii() and max(map(len, text.splitlines())) <= 110
    for name in FILES:
        assert f"\n  {name} " in text
    assert text.index("worklist.html") < text.index("predictions.csv")
    assert ("WARNING" in text) == bool(WARNINGS[worth])
    assert WARNINGS[worth] in text
    assert "Research use only. Not for diagnosis." in text
    assert "those of: sequence." in text


def test_a_run_root_without_results_has_one(tmp_path):
    layout = Layout(tmp_path)
    write_readme(layout, [])
    text = (layout.output / "README.txt").read_text()
    assert text == readme("patients", "ensemble")
