"""The works on convolution and LSTM: what they are called, who takes part, and that a step is a step."""

from __future__ import annotations

import pytest

from scripts import rate_works_conv_lstm


def test_works_have_the_connectivities_that_are_asked_for():
    assert [name for name, _ in rate_works_conv_lstm.works()] == [
        f"{net} batch 32 at {share} %" for net in ("CIFAR-10 conv net", "speech LSTM") for share in (1, 5, 20)
    ]


@pytest.mark.parametrize("place", [0, 3])
def test_every_contender_learns(monkeypatch, place):
    monkeypatch.setattr(rate_works_conv_lstm, "BATCH_SIZE", 2)
    monkeypatch.setattr(rate_works_conv_lstm, "find_spec", lambda _: None)
    nets = []
    original = rate_works_conv_lstm.Trainer
    monkeypatch.setattr(rate_works_conv_lstm, "Trainer", lambda net: nets.append(original(net)) or nets[-1])
    steps = list(rate_works_conv_lstm.works())[place][1]()
    assert list(steps) == ["ours", "NumPy dense"]
    for step in steps.values():
        step()
        step()
    ours, dense = nets
    assert [trainer.steps_done for trainer in nets] == [2, 2]
    assert ours.log.num_births == ours.log.num_deaths > 0
    counts = [len(c) for c in ours.network.connections]
    sites = [c.num_sites for c in ours.network.connections]
    assert sum(counts) / sum(sites) == pytest.approx(0.01, rel=0.2)
    assert dense.network.num_connections == 0
