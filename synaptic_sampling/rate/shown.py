"""A network as a table in a notebook."""

from __future__ import annotations

from typing import Any

from synaptic_sampling._tables import html_table

__all__ = ["network_html"]


def network_html(network: Any) -> str:
    """Return one row per layer: its connections, and of how many possible ones."""
    rows = []
    for layer in network.layers:
        own = [part.connections for part in layer.parameters if hasattr(part, "connections")]
        number, sites = sum(c.num_active for c in own), sum(c.num_sites for c in own)
        shown = (f"{number:,}", f"{sites:,}", f"{100 * number / sites:.3g} %") if sites else ("", "", "")
        rows.append((layer, *shown))
    title = f"RateNetwork, {network.num_in} inputs, {network.num_out} outputs, {network.rule}"
    return html_table(title, ("layer", "connections", "possible", "connectivity"), rows)
