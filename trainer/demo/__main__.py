"""`python -m trainer.demo DIR [--rows N]`: make the demo's data and checkpoints."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from trainer.demo.workspace import TRAIN_ROWS, make_workspace


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(prog="python -m trainer.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="where models/ and data/ are made")
    parser.add_argument(
        "--rows", type=int, default=TRAIN_ROWS, help="training rows of either data set (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if arguments.rows < 4:
        parser.error("--rows: at least 4")
    make_workspace(arguments.folder, arguments.rows)


if __name__ == "__main__":
    main()
