"""The settings file, `config.toml` in the user's configuration folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import platformdirs
from textual.theme import BUILTIN_THEMES

from lrdash.errors import ConfigError
from lrdash.ui.bindings import VIEWS, parse_keys
from lrdash.ui.theme import THEMES


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens when a run ends, fails, or a check fails."""

    bell: bool = True
    command: tuple[str, ...] = ()
    """Run with the news as its last argument: `["notify-send", "lrdash"]`."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every key is optional."""

    theme: str = ""
    """A theme's name; empty keeps the one that was chosen last."""
    ascii: bool = False
    queue_seconds: float = 0.0
    """Never ask the queue more often than this; the scheduler's own pace is kept when it is slower."""
    files_seconds: float = 0.0
    notify: Notify = Notify()
    keys: dict[str, str] = {}
    """Binding -> keys: `"home.mark" = "m"`; `lrdash` lists the bindings under `?` and in docs/keys.md."""


def settings_file() -> Path:
    return platformdirs.user_config_path("lrdash") / "config.toml"


def load_settings(path: Path | None = None) -> Settings:
    """The user's settings; all defaults where there is no file.

    Raises:
        ConfigError: the file cannot be read, or names something that does not exist.
    """
    path = path or settings_file()
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        settings = msgspec.toml.decode(text, type=Settings)
    except msgspec.DecodeError as error:
        fields = ", ".join(Settings.__struct_fields__)
        raise ConfigError(f"{path}: {error}; keys are {fields}") from None
    themes = [theme.name for theme in THEMES]
    if settings.theme and settings.theme not in (*BUILTIN_THEMES, *themes):
        raise ConfigError(f"{path}: theme {settings.theme!r} is none; there are {', '.join(themes)}")
    return msgspec.structs.replace(settings, keys=_parsed_keys(path, settings))


def _parsed_keys(path: Path, settings: Settings) -> dict[str, str]:
    known, parsed = binding_ids(), {}
    for name, keys in settings.keys.items():
        if name not in known:
            raise ConfigError(f"{path}: keys.{name!r} is no binding; they are listed in docs/keys.md")
        try:
            parsed[name] = parse_keys(keys)
        except ValueError as error:
            raise ConfigError(f"{path}: keys.{name!r}: {error}; write m, ?, f5 or ctrl+g") from None
    return parsed


def binding_ids() -> set[str]:
    """`view.name` of every row of the table; the digits, which share a row, have one each instead."""
    ids = {f"{view}.{key.name}" for view, keys in VIEWS.items() for key in keys}
    return (ids - {"everywhere.index"}) | {f"everywhere.{digit}" for digit in range(10)}
