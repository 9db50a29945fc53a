"""Makes docs/screens/tour.svg, the moving picture of the README, from the still ones beside it.

`python -m tests.docs.tour`, after `python -m tests.ui.make_screens DIR`. It moves where an SVG is shown as a
picture (no script, nothing from outside); for who asked for less motion it stays at the first screen.
"""

from __future__ import annotations

import re

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "screens"
STOPS = ("home", "log", "metrics", "compare", "predictions", "checks", "actions")
SECONDS = 4
TOUR = FOLDER / "tour.svg"
_FONTS = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


def tour() -> str:
    """Each screen for some seconds, over and over."""
    stills = [(FOLDER / f"{stop}.svg").read_text() for stop in STOPS]
    size = re.search(r'viewBox="[^"]+"', stills[0])
    assert size is not None
    assert all(size[0] in still for still in stills), "stills of one size make a tour"
    screens = "\n".join(_screen(at, still) for at, still in enumerate(stills))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size[0]}>\n{_style()}\n{screens}\n</svg>\n'


def _screen(at: int, still: str) -> str:
    """One still, shown at its time; its fonts would come from outside, and are left to the reader."""
    return f'<g class="stop" style="animation-delay:{at * SECONDS}s">\n{_FONTS.sub("", still)}</g>'


def _style() -> str:
    share = 100 / len(STOPS)
    return f"""<style>
.stop {{ visibility: hidden; animation: stop {len(STOPS) * SECONDS}s step-end infinite }}
.stop:first-of-type {{ visibility: visible }}
@keyframes stop {{ 0% {{ visibility: visible }} {share:.3f}% {{ visibility: hidden }} }}
@media (prefers-reduced-motion: reduce) {{ .stop {{ animation: none }} }}
</style>"""


if __name__ == "__main__":
    TOUR.write_text(tour())
    print(f"{TOUR.relative_to(ROOT)}: {TOUR.stat().st_size:,} bytes")
