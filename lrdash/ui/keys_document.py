"""docs/keys.md, made from the binding table: `python -m lrdash.ui.keys_document > docs/keys.md`."""

from __future__ import annotations

from lrdash.ui.bindings import VIEW_TITLES, VIEWS, Key

HEAD = """# Keys

Made from the binding table (`lrdash/ui/bindings.py`), which the screen, its key line and its help (`?`) use
too. Every row can be given other keys in the settings file, `config.toml` in the configuration folder that
`lrdash doctor` names:

```toml
[keys]
"home.mark" = "m"
"everywhere.group" = "t,ctrl+g"
```
"""


def keys_document() -> str:
    """The whole page."""
    parts = [HEAD]
    for view, keys in VIEWS.items():
        parts.append(f"\n## {VIEW_TITLES[view]}\n\n| keys | what | binding |\n| --- | --- | --- |\n")
        parts += [_row(view, key) for key in keys]
    return "".join(parts)


def _row(view: str, key: Key) -> str:
    shown = " ".join(f"`{part}`" for part in key.shown.split(" "))
    help_text = key.help.replace("|", "\\|")
    name = f"{view}.0` … `{view}.9" if key.action == "select_index" else f"{view}.{key.name}"
    return f"| {shown} | {help_text} | `{name}` |\n"


if __name__ == "__main__":
    print(keys_document(), end="")
