"""Style of the figures: ticks of one axis are alike, and each null law has a name."""

import pytest
from matplotlib import pyplot as plt

from synaptic_sampling.plotting.style import LAW, legend, plain_ticks, plot_law


def tick_labels(low, high):
    """Return the labels of a logarithmic axis with these ends."""
    figure, axes = plt.subplots()
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set_xlim(low, high)
    figure.canvas.draw()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    shown = [(tick.label1.get_text(), tick.get_loc()) for tick in ticks]
    plt.close(figure)
    return [text for text, place in sorted(shown, key=lambda each: each[1]) if text and low <= place <= high]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.9, 9e4, ["1", "10", "100", "1000", "10000"]),
        (0.9, 1.1e6, [rf"$\mathdefault{{10^{{{n}}}}}$" for n in range(7)]),
        (5e-6, 2, [rf"$\mathdefault{{10^{{{n}}}}}$" for n in range(-5, 1)]),
        (2e-3, 2, ["0.01", "0.1", "1"]),
    ],
)
def test_ticks_of_one_axis_are_alike(low, high, expected):
    assert tick_labels(low, high) == expected


def test_ticks_within_a_decade_are_plain_numbers():
    shown = tick_labels(150, 950)
    assert "600" in shown
    assert not any("times" in text for text in shown)


def test_laws_of_several_runs_have_one_entry_and_the_colours_of_the_runs():
    figure, axes = plt.subplots()
    lines = [axes.plot([0, 1], [0, n], label=f"run {n}")[0] for n in (1, 2)]
    plot_law(axes, [0, 1], [1, 1], of=lines[0])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["run 1", "run 2", "noise and l1 only"]
    assert axes.get_legend().get_lines()[-1].get_color() == lines[0].get_color()
    plot_law(axes, [0, 1], [2, 2], of=lines[1])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["run 1", "run 2", "noise and l1 only"]
    assert axes.get_legend().get_lines()[-1].get_color() not in {line.get_color() for line in lines}
    laws = [line for line in axes.get_lines() if line.get_gid() == LAW]
    assert [law.get_color() for law in laws] == [line.get_color() for line in lines]
    plt.close(figure)


def test_a_single_run_without_a_name_has_a_legend_of_its_law():
    figure, axes = plt.subplots()
    legend(axes)
    assert axes.get_legend() is None
    plot_law(axes, [0, 1], [1, 1], name="random connectivity")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["random connectivity"]
    plt.close(figure)
