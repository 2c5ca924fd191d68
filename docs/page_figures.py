"""Draw the figures of pages of the documents with the code that these pages show.

    python docs/page_figures.py docs/start/brian2.md docs/start/rate.md

The Python blocks of a page are run in order, as a reader would run them. Where an image in the folder of the page
follows, the current figure is saved as that image.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

PARTS = re.compile(r"```python\n(?P<code>.*?)```|!\[[^\]]*\]\((?P<image>[\w-]+\.png)\)", re.DOTALL)


def parts(page: Path) -> Iterator[tuple[str | None, str | None]]:
    """Yield the blocks of code and the names of images of a page, in order; one of the two is None."""
    for part in PARTS.finditer(page.read_text(encoding="utf-8")):
        yield part["code"], part["image"]


def draw(page: Path) -> list[Path]:
    """Run a page and save its figures; return their paths."""
    names: dict[str, Any] = {"__name__": "__page__"}
    drawn, page = [], page.resolve()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # for the files that the code writes
        for code, image in parts(page):
            if code is not None:
                exec(code, names)
            elif plt.get_fignums():
                drawn.append(page.with_name(str(image)))
                plt.savefig(drawn[-1], dpi=130)
                plt.close("all")
    return drawn


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(*draw(Path(given)), sep="\n")
