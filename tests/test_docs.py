"""The recipes in docs/brian2.md run as they stand, and each of them rewires."""

from __future__ import annotations

import re
from pathlib import Path

import brian2 as b2
import pytest
from matplotlib import pyplot as plt

DOCS = Path(__file__).parent.parent / "docs"
BEGINNING, *RECIPES = re.findall(r"```python\n(.*?)```", (DOCS / "brian2.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_recipe(number):
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    b2.seed(1)
    names: dict = {}
    exec(BEGINNING + RECIPES[number], names)
    rewiring = names["rewiring"]
    assert rewiring.sets[0].birth_step.max() >= 2, "something was born after the first event"
    assert ("plot_turnover" in RECIPES[number]) == bool(plt.gca().lines)


def test_links_lead_somewhere():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+?\.(?:md|png))(?:#[\w-]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
