import ast
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style

SCRIPTS = Path(__file__).parents[2] / "scripts"
DRAWING = [path for path in SCRIPTS.rglob("*.py") if path.parent.name != "examples" and "subplots(" in path.read_text()]


def test_a_figure_has_the_house_style_and_others_keep_theirs():
    @in_house_style
    def draw():
        return plt.subplots()

    for _ in range(2):
        figure, ax = draw()
        (line,) = ax.plot([0, 1])
        assert line.get_color().upper() == COLOURS[0]
        assert not ax.spines["top"].get_visible()
        assert figure.get_constrained_layout()
    assert plt.subplots()[1].spines["top"].get_visible()
    plt.close("all")


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: path.stem)
def test_each_program_draws_in_house_style(path):
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    drawing = [own for own in functions if "subplots(" in ast.unparse(own)]
    assert drawing
    assert [own.name for own in drawing if "in_house_style" not in map(ast.unparse, own.decorator_list)] == []
