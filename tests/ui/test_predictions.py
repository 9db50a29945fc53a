"""The prediction browser on files as the trainer writes them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from lrdash.results.candidates import Candidate, with_predictions
from lrdash.results.documents import Labels, RunResults
from lrdash.results.predictions import PredictionStore
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.dialogs.predictions import PredictionsDialog
from lrdash.ui.widgets.lines import Lines
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, screen_text, shows, until

TRUTHS = ("data", "concurrency", "data", "concurrency")
GUESSES = {
    "text_trainagreeing_lr_2e5": ("data", "concurrency", "data", "data"),
    "text_trainagreeing_lr_2e6": ("concurrency", "concurrency", "concurrency", "data"),
    "text_trainagreeing_lr_2e5_backbone_2e6": ("data", "data", "data", "data"),
}

EPOCHS = ({"epoch": 1.0, "eval_accuracy": 0.75}, {"epoch": 2.0, "eval_accuracy": 0.5})


def write_predictions(path: Path, guesses: tuple[str, ...], text: str) -> None:
    rows = [
        {
            "logits": [0.1, 0.2],
            "probabilities": [0.3, 0.7] if guess == "data" else [0.8, 0.2],
            "predicted_label": guess,
            "true_label": truth,
            "id": f"row-{at}",
            "year": 2024 + at % 2,
            "text": f"{text} number {at}",
        }
        for at, (truth, guess) in enumerate(zip(TRUTHS, guesses, strict=True))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class BackendWithPredictions(Backend):
    """Three text runs that have predicted four rows."""

    def __init__(self, folder: Path, text: str = "[b]docstring[/b]") -> None:
        super().__init__(load_sweep(find_sweep_files(ROOT)[0]), None)
        self.folder, self.text = folder, text

    def candidates(self) -> tuple[Candidate, ...]:
        found = []
        for at, (name, guesses) in enumerate(GUESSES.items()):
            path = self.folder / f"{name}.jsonl"
            write_predictions(path, guesses, self.text)
            labels = Labels(("concurrency", "data"), "data")
            results = RunResults(epochs=EPOCHS, predictions=path, labels=labels)
            found.append(Candidate(name, fakes.RATES[at][2], "text", at, results=results))
        return with_predictions(found, PredictionStore(self.folder / "cache"))


async def test_from_a_pair_to_the_rows_and_their_text(tmp_path: Path) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.comparison = a_comparison()
        await pilot.press("[", "[")
        await shows(pilot, "250 test rows")
        app.main.comparison = a_comparison()
        await pilot.press("down", "down", "down", "enter")
        await shows(pilot, "2e-6 wrong, 2e-5 right: 2 of 4 rows")
        text = screen_text(app)
        assert "truth data" in text
        assert "[b]docstring[/b] number" in text
        await pilot.press("f")
        await shows(pilot, "every run wrong: 1 of 4 rows")
        await shows(pilot, "number 3")
        await pilot.press("c")
        await shows(pilot, "the least confident first")
        await pilot.press("r")
        await shows(pilot, "2e-5  ECE .075 in 15 bins")
        assert ".67–.73           3   .70   .67" in screen_text(app)
        await pilot.press("r")
        await shows(pilot, "number 3")
        await pilot.press("escape")
        await shows(pilot, "250 test rows")


async def test_closed_and_opened_again_by_every_key_in_a_row(tmp_path: Path) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[", "[")
        app.main.comparison = a_comparison()
        await shows(pilot, "250 test rows")
        for close in ("escape", "q", "escape"):
            app.main.comparison = a_comparison()
            await pilot.press("enter")
            await shows(pilot, "of 4 rows")
            await pilot.press("tab", "tab", "f", "tab", close)
            await until(pilot, lambda: app.screen is app.main, "the main screen")
            assert app.main.tab == "Compare"


def words_of(app: LrdashApp, page: str) -> str:
    return "".join(line.text for line in app.screen.query_one(page, Lines).lines)


async def test_predictions_that_were_moved_away_are_said_to_be_gone(tmp_path: Path) -> None:
    """As by a fresh start, while somebody reads them."""
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path, "long " * 20_000))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.browse("text_trainagreeing_lr_2e5")
        await shows(pilot, "1 of 4 rows")
        await shows(pilot, "long long")
        for path in tmp_path.glob("*.jsonl"):
            path.rename(path.with_suffix(".moved"))
        await pilot.press("f", "f")
        await shows(pilot, "all rows")
        await pilot.press("g")
        await until(pilot, lambda: "is not where it was" in words_of(app, "#prediction-text"), "a lost row")
        await pilot.press("v")
        await until(pilot, lambda: "of its rows left" in words_of(app, "#prediction-rows"), "a lost file")


async def test_rows_are_chosen_by_the_values_of_a_column(tmp_path: Path) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[", "[")
        app.main.comparison = a_comparison()
        await shows(pilot, "250 test rows")
        app.main.comparison = a_comparison()
        await pilot.press("enter")
        await shows(pilot, "of 4 rows")
        await pilot.press("v")
        await shows(pilot, "right by year")
        text = screen_text(app)
        assert "2 rows" in text
        assert ".500" in text
        await pilot.press("f", "f")  # all rows
        title = app.screen.query_one(".dialog")
        await until(pilot, lambda: "all rows: 4 of 4" in str(title.border_title))
        await pilot.press("n")
        await until(pilot, lambda: "all rows, year 2024: 2 of 4 rows" in str(title.border_title))
        assert "right by year" in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: "all rows, year 2025: 2 of 4 rows" in str(title.border_title))
        await pilot.press("down")  # to the row itself, among those of the value
        await shows(pilot, "docstring")
        assert "year 2025: 2 of 4" in str(title.border_title)
        await pilot.press("n")
        await until(pilot, lambda: "all rows: 4 of 4" in str(title.border_title))
        await pilot.press("tab", "enter")  # the first value, chosen in the list of them
        await until(pilot, lambda: "year 2024: 2 of 4" in str(title.border_title))


@pytest.mark.parametrize(
    ("epoch", "words"),
    [
        (1, "rows of the last epoch: there are none of epoch 1, which is compared"),
        ("best", "rows of the last epoch: there are none of a best epoch before it"),
        (2, ""),
        ("last", ""),
    ],
)
async def test_rows_of_another_epoch_than_the_compared_one_are_said_to_be(
    tmp_path: Path, epoch: str | int, words: str
) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        app.main.comparison = msgspec.structs.replace(a_comparison(), epoch=epoch)
        app.main.browse("text_trainagreeing_lr_2e5")
        await shows(pilot, "1 of 4 rows")
        assert words in screen_text(app)
        assert ("rows of the last epoch" in screen_text(app)) == bool(words)


async def test_a_value_of_the_data_set_is_no_markup(tmp_path: Path) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.browse("text_trainagreeing_lr_2e5")
        await shows(pilot, "1 of 4 rows")
        assert isinstance(app.screen, PredictionsDialog)
        app.screen._show(column="year", value="[/b]")
        await shows(pilot, "year [/b]: 0 of 4 rows")


@pytest.mark.parametrize("width", [120, 160, 200])
async def test_the_reliability_diagram_is_as_wide_as_its_pane(tmp_path: Path, width: int) -> None:
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path))
    async with app.run_test(size=(width, 24)) as pilot:
        await opened(pilot)
        app.main.browse("text_trainagreeing_lr_2e5")
        await shows(pilot, "1 of 4 rows")
        await pilot.press("r")
        await shows(pilot, "ECE")
        page = app.screen.query_one("#prediction-text", Lines)
        assert page.max_scroll_x == 0


async def test_the_text_of_a_row_is_wrapped_anew_where_the_terminal_ends_now(tmp_path: Path) -> None:
    text = "a word " * 40
    app = fakes.make_app(backend=BackendWithPredictions(tmp_path, text))
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(pilot)
        app.main.browse(next(iter(GUESSES)))
        await shows(pilot, "a word")
        page = app.screen.query_one("#prediction-text", Lines)
        at_first = len(page.lines)
        await pilot.resize_terminal(80, 40)
        await until(pilot, lambda: len(page.lines) > at_first)
        assert page.max_scroll_x == 0, "all of each line is seen"
