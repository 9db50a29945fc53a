"""The one table of keys: bindings, footer, help and docs/keys.md all come from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from textual.binding import Binding, BindingType
from textual.keys import Keys

if TYPE_CHECKING:
    from textual.screen import Screen

_SIGNS = "!\"#$%&'()*+-./:;<=>?@[\\]^_`{|}~"
KEY_NAMES = {
    **{one.key: sign for sign in _SIGNS for one in Binding.make_bindings([Binding(sign, "")])},
    "comma": ",", "escape": "esc", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip
"""What stands on a keyboard, by Textual's name, where that is another."""
_WRITTEN_NAMES = {shown: key for key, shown in KEY_NAMES.items()}
_NAMED_KEYS = {*KEY_NAMES, *(key.value for key in Keys)}
_MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}


class Key(msgspec.Struct, frozen=True):
    """A row of the table."""

    name: str
    """With its view this is the id that the settings file remaps: `home.mark`."""
    keys: str
    """Comma-separated, in Textual's names."""
    action: str
    label: str
    """One or two words, for the footer."""
    help: str
    footer: bool = False

    @property
    def shown(self) -> str:
        """The keys as they are printed on a keyboard."""
        return " ".join(key_name(key) for key in self.keys.split(","))


def key_name(key: str) -> str:
    """A key as people write it: `?`, `ctrl+t`, `shift+tab`."""
    *modifiers, last = key.split("+") if key != "+" else [key]
    return "+".join([*modifiers, KEY_NAMES.get(last, last)])


def parse_keys(text: str) -> str:
    """Keys as people write them, `?, ctrl+t`, in Textual's names.

    Raises:
        ValueError: one is no key of a keyboard.
    """
    return ",".join(_parse_key(one.strip()) for one in text.split(","))


def _parse_key(text: str) -> str:
    modifiers, plus, last = text.rpartition("+") if len(text) > 1 else ("", "", text)
    key = _WRITTEN_NAMES.get(last, last)
    is_known = key in _NAMED_KEYS or (len(key) == 1 and key.isalnum())
    if not is_known or (plus and not set(modifiers.split("+")) <= _MODIFIERS):
        raise ValueError(f"{text!r} is no key")
    return f"{modifiers}{plus}{key}"


def _pick(name: str, keys: str, label: str, help_text: str = "") -> Key:
    """One entry of a menu; without a text of its own it is called what its label says."""
    return Key(name, keys, f"pick('{name}')", label, help_text or label[0].lower() + label[1:])


VIEWS: dict[str, tuple[Key, ...]] = {
    "everywhere": (
        Key("help", "question_mark", "help", "Help", "the keys of this view", True),
        Key("actions", "x", "actions", "Actions", "submit, cancel, requeue, hold, remedy…", True),
        Key(
            "index",
            "0,1,2,3,4,5,6,7,8,9",
            "select_index",
            "Index",
            "the run with this array index (`:` beyond 9)",
        ),
        Key("group", "t", "other_group", "Group", "the same index of the other group", True),
        Key("stream", "o", "other_stream", "out/err", "the log's other stream: out, err, both", True),
        Key("previous_tab", "left_square_bracket", "tab(-1)", "Tab", "previous tab"),
        Key("next_tab", "right_square_bracket", "tab(1)", "Tab", "next tab"),
        Key("next_pane", "tab", "next_pane(1)", "Pane", "next pane"),
        Key("previous_pane", "shift+tab", "next_pane(-1)", "Pane", "previous pane"),
        Key("zoom", "plus", "zoom(True)", "Zoom", "the focused pane fills the screen"),
        Key("unzoom", "underscore", "zoom(False)", "Unzoom", "all panes again"),
        Key("back", "escape", "back", "Back", "close, clear or go back; never quits"),
        Key("attention", "a", "attention", "Attention", "what needs attention, and the key that helps"),
        Key("baseline", "B", "baseline", "Baseline", "compare the group with this run"),
        Key("diff", "D", "diff", "Differences", "the settings in which runs differ"),
        Key("wall", "W", "wall", "Wall", "the last lines of all logs at once"),
        Key("command_log", "at", "command_log", "Commands", "every scheduler command that was run"),
        Key("refresh", "r", "refresh_now", "Refresh", "ask the queue and read the files now"),
        Key("pause", "p", "pause", "Pause", "stop or resume asking the queue"),
        Key("copy", "y", "copy", "Copy", "copy paths, ids and commands of this run"),
        Key("theme", "ctrl+t", "next_theme", "Theme", "dark, light, mono"),
        Key("export", "ctrl+s", "export", "Export", "the comparison, or a picture of the screen"),
        Key("palette", "colon,ctrl+p", "command_palette", "Palette", "every command, by name"),
        Key("quit", "q", "quit_or_back", "Quit", "back, or quit from Home", True),
        Key("leave", "ctrl+q", "app.quit", "Leave", "quit from anywhere"),
    ),
    "home": (
        Key("up", "up,k", "move(-1)", "Up", "previous row"),
        Key("down", "down,j", "move(1)", "Down", "next row"),
        Key("top", "g,home", "move(-100000)", "Top", "first row"),
        Key("bottom", "G,end", "move(100000)", "Bottom", "last row"),
        Key("page_up", "pageup,ctrl+u", "page(-1)", "Page up", "a page up"),
        Key("page_down", "pagedown,ctrl+d", "page(1)", "Page down", "a page down"),
        Key("open", "enter", "open", "Open", "open the log; fold or unfold a group", True),
        Key("log", "l", "open_log", "Log", "the log of this run", True),
        Key("fold", "left", "fold(True)", "Fold", "fold the group"),
        Key("unfold", "right", "fold(False)", "Unfold", "unfold the group"),
        Key("mark", "space", "mark", "Mark", "mark the run: actions and curves follow the marks"),
        Key("sort", "s", "sort", "Sort", "sort by the next column"),
        Key("reverse", "S", "reverse", "Reverse", "the other way round"),
        Key("filter", "slash", "filter", "Filter", "show only rows that contain a text", True),
    ),
    "chart": (
        Key("left", "left,h", "crosshair(-1)", "Crosshair", "the crosshair one point back"),
        Key("right", "right", "crosshair(1)", "Crosshair", "the crosshair one point on", True),
        Key("metric", "m", "metric(1)", "Metric", "next metric", True),
        Key("previous_metric", "M", "metric(-1)", "Metric", "previous metric"),
        Key("unit", "u", "unit", "x axis", "x by epoch, step, time or tokens", True),
        Key("log_scale", "Y", "log_scale", "Log y", "logarithmic or linear y", True),
        Key("solo", "z", "solo", "Solo", "only this run; again for all", True),
        Key("dim", "d", "dim", "Dim", "dim this run, or light it again", True),
        Key("clear", "escape", "clear", "Clear", "no crosshair"),
    ),
    "list": (
        Key("up", "up,k", "move(-1)", "Up", "previous line"),
        Key("down", "down,j", "move(1)", "Down", "next line"),
        Key("top", "g,home", "move(-100000)", "Top", "first line"),
        Key("bottom", "G,end", "move(100000)", "Bottom", "last line"),
        Key("page_up", "pageup,ctrl+u", "page(-1)", "Page up", "a page up"),
        Key("page_down", "pagedown,ctrl+d", "page(1)", "Page down", "a page down"),
        Key("left", "left,h", "sideways(-8)", "Left", "scroll to the left"),
        Key("right", "right", "sideways(8)", "Right", "scroll to the right"),
        Key("choose", "enter", "choose", "Open", "what stands behind the line under the cursor", True),
    ),
    "compare": (
        Key("epoch", "e", "epoch(0)", "Epoch", "each run's best epoch (selected on test), or the last", True),
        Key("next_epoch", "right_curly_bracket", "epoch(1)", "Epoch", "the epoch after this one"),
        Key("previous_epoch", "left_curly_bracket", "epoch(-1)", "Epoch", "the epoch before this one"),
    ),
    "menu": (
        Key("up", "up", "move(-1)", "Up", "previous entry"),
        Key("down", "down", "move(1)", "Down", "next entry"),
        Key("choose", "enter", "choose", "Choose", "this entry; its letter does the same", True),
        Key("close", "escape", "screen.close", "Close", "close without choosing", True),
        Key("help", "question_mark", "screen.help", "Help", "these keys"),
    ),
    "actions": (
        _pick("submit", "s", "Submit the sweep"),
        _pick("submit_these", "S", "Submit this"),
        _pick("submit_failed", "f", "Submit what failed"),
        _pick("remedy", "r", "Apply the remedy"),
        _pick("cancel", "c", "Cancel"),
        _pick("requeue", "q", "Requeue"),
        _pick("hold", "h", "Hold"),
        _pick("release", "l", "Release"),
        _pick("time_limit", "t", "Time limit"),
    ),
    "copy": (
        _pick("run", "n", "Run name"),
        _pick("job", "j", "Job id"),
        _pick("out", "o", "Path of stdout"),
        _pick("err", "e", "Path of stderr"),
        _pick("remedy", "r", "Remedy", "the remedy's command"),
        _pick("cancel", "c", "Cancel", "the command that cancels it"),
    ),
    "export": (
        _pick("md", "m", "Markdown", "Markdown, for a pull request or a notebook"),
        _pick("csv", "c", "CSV", "CSV, one row a run"),
        _pick("json", "j", "JSON", "JSON, everything, for a program"),
        _pick("latex", "l", "LaTeX", "LaTeX, tables for a paper"),
        _pick("html", "h", "HTML", "HTML, one file with everything in it"),
        _pick("picture", "p", "Picture", "this screen as SVG"),
    ),
    "predictions": (
        Key(
            "filter",
            "f",
            "filter",
            "Rows",
            "other rows: errors, right against wrong, every run wrong, all",
            True,
        ),
        Key("confidence", "c", "confidence", "Confidence", "the most or the least confident first", True),
        Key(
            "calibration",
            "r",
            "calibration",
            "Reliability",
            "how often the runs are right where they are so sure; again for the row",
            True,
        ),
        Key(
            "column",
            "v",
            "column",
            "Columns",
            "accuracy by the values of a column; again for the next",
            True,
        ),
        Key("value", "n", "value(1)", "Value", "only the rows with the column's next value"),
        Key("previous_value", "N", "value(-1)", "Value", "only the rows with the value before it"),
        Key("pane", "tab", "app.focus_next", "Pane", "from the rows to the text and back"),
        Key("close", "escape,q", "close", "Close", "close", True),
    ),
    "attention": (
        Key("actions", "x", "act", "Actions", "what can be done to the run under the cursor", True),
    ),
    "dialog": (
        Key("help", "question_mark", "help", "Help", "the keys of this dialog"),
        Key("close", "escape,q", "close", "Close", "close", True),
    ),
    "confirm": (
        Key("yes", "y", "answer(True)", "Yes", "do it", True),
        Key("no", "enter,n,escape,q", "answer(False)", "No", "leave everything as it is", True),
    ),
    "log": (
        Key("up", "up,k", "rows(-1)", "Up", "a line up, and stop following"),
        Key("down", "down,j", "rows(1)", "Down", "a line down"),
        Key("half_up", "ctrl+u", "pages(-0.5)", "Half page", "half a page up"),
        Key("half_down", "ctrl+d", "pages(0.5)", "Half page", "half a page down"),
        Key("page_up", "pageup,b", "pages(-1)", "Page up", "a page up"),
        Key("page_down", "pagedown,space", "pages(1)", "Page down", "a page down"),
        Key("left", "left,h", "sideways(-1)", "Left", "scroll to the left"),
        Key("right", "right", "sideways(1)", "Right", "scroll to the right"),
        Key("top", "g,home", "top", "Top", "the first line"),
        Key("follow", "G,F,end", "follow", "Follow", "to the end, and follow it"),
        Key("toggle_follow", "f", "toggle_follow", "Follow", "follow or pause", True),
        Key("search", "slash", "search", "Search", "find a text: marks all, goes to the next", True),
        Key("next_match", "n", "match(1)", "Next", "next match"),
        Key("previous_match", "N", "match(-1)", "Previous", "previous match"),
        Key("filter", "ampersand", "filter", "Filter", "show only lines with a text"),
        Key(
            "next_error", "e", "error(1)", "Error", "next error; from the end backwards while following", True
        ),
        Key("previous_error", "E", "error(-1)", "Error", "previous error"),
        Key("next_epoch", "right_curly_bracket", "epoch(1)", "Epoch", "next evaluation"),
        Key("previous_epoch", "left_curly_bracket", "epoch(-1)", "Epoch", "previous evaluation"),
        Key("wrap", "w", "wrap", "Wrap", "break long lines, or cut them off"),
        Key("copy", "y", "copy", "Copy", "copy a line, the path, the job id or the command"),
        Key("pager", "L", "pager", "Pager", "open the log in $PAGER"),
        Key("editor", "v", "editor", "Editor", "open the log in $EDITOR, at this line"),
        Key("clear", "escape", "clear", "Clear", "stop a search, show all lines, forget the search"),
    ),
    "copy_log": (
        _pick("line", "y,enter", "Line", "the marked line"),
        _pick("path", "p", "Path", "the path of the log"),
        _pick("job_id", "i", "Job id", "the job id"),
        _pick("command", "c", "Command", "the command of the run; without one, that follows the log"),
        Key("up", "up,k", "line(-1)", "Up", "the line above instead"),
        Key("down", "down,j", "line(1)", "Down", "the line below instead"),
        Key("leave", "escape", "leave", "Leave", "copy nothing; any other key does the same"),
    ),
    "wall": (
        Key("up", "up,k", "move(-1)", "Up", "the log above"),
        Key("down", "down,j", "move(1)", "Down", "the log below"),
        Key("stream", "o", "other_stream", "out/err", "stdout or stderr of all runs", True),
        Key("open", "enter", "open", "Open", "this log alone", True),
    ),
    "search": (
        Key("regex", "alt+r", "regex", "Regex", "what is typed is a regular expression, or a plain text"),
        Key("case", "alt+c", "case", "Case", "case: counts with a capital letter, always, never"),
        Key("older", "up", "past(-1)", "Older", "what was searched for before"),
        Key("newer", "down", "past(1)", "Newer", "what was searched for after that"),
        Key("leave", "escape", "leave", "Leave", "forget the search"),
    ),
}

VIEW_TITLES = {
    "everywhere": "Everywhere", "home": "Runs", "chart": "Curves", "list": "Tables and pages", "log": "Log",
    "compare": "Compare", "search": "Searching a log", "wall": "The wall of logs",
    "menu": "Menus", "actions": "Actions on runs", "copy": "Copying from a run", "export": "Export",
    "copy_log": "Copying from a log", "attention": "Needs attention", "predictions": "Predictions",
    "dialog": "Dialogs", "confirm": "Questions",
}  # fmt: skip


PLACES = {
    f"{view}.{key.name}": place
    for place, (view, key) in enumerate((view, key) for view, keys in VIEWS.items() for key in keys)
}
"""Where in the table a binding stands, by its id."""


def shown_keys(view: str, key: Key, keymap: Mapping[str, str]) -> str:
    """As they are printed on a keyboard, after what the settings made of them."""
    if key.action == "select_index":
        return "0 … 9"
    keys = keymap.get(f"{view}.{key.name}") or key.keys
    return " ".join(key_name(one.strip()) for one in keys.split(","))


def first_keys(view: str, keymap: Mapping[str, str]) -> dict[str, str]:
    """By the name of the row, where there is room for one key."""
    return {key.name: shown_keys(view, key, keymap).split(" ")[0] for key in VIEWS[view]}


def views_in_reach(screen: Screen[Any]) -> list[str]:
    """The views of the table whose keys work where the focus is, the nearest first."""
    ids = [active.binding.id or "" for active in screen.active_bindings.values()]
    views = list(dict.fromkeys(name.partition(".")[0] for name in ids))
    views += ["search", "copy_log"] if "log" in views else []
    return [view for view in views if view in VIEWS]


def bindings(view: str) -> list[BindingType]:
    """The Textual bindings of a view; their ids are `view.name`."""
    return [binding for key in VIEWS[view] for binding in _bindings_of(view, key)]


def _bindings_of(view: str, key: Key) -> Iterable[Binding]:
    if key.action == "select_index":
        for digit in key.keys.split(","):
            yield Binding(
                digit, f"select_index({digit})", key.label, show=False, tooltip=key.help, id=f"{view}.{digit}"
            )
        return
    yield Binding(
        key.keys, key.action, key.label, show=key.footer, tooltip=key.help, id=f"{view}.{key.name}",
        key_display=key_name(key.keys.split(",")[0]),
        priority=view == "search",  # else the field takes alt+r, of which terminals tell the letter, as text
    )  # fmt: skip
