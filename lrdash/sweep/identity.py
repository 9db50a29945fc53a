"""The line by which a start of a run says in its own log whose it is."""

from __future__ import annotations

import re

import msgspec

_NUMBER = r"(?:0|[1-9]\d{0,8})"
_LINE = re.compile(
    rf"lrdash: sweep=(?P<sweep>\S+) group=(?P<group>\S+) index=(?P<index>{_NUMBER}) run=(?P<run>\S+)"
    rf" job=(?P<job>-|\d{{1,18}}(?:_\d{{1,9}})?) restart=(?P<restart>{_NUMBER}) port=(?P<port>{_NUMBER})"
    r" host=(?P<host>\S+) scheduler=(?P<scheduler>\S+) root=(?P<root>.+)",
    re.ASCII,
)


class Identity(msgspec.Struct, frozen=True):
    """One start of a run. Printed before anything else on both streams, again when the port changes."""

    sweep: str
    group: str
    index: int
    run: str
    job: str
    """The array task, `123_2`; `-` when started by hand."""
    restart: int
    port: int
    host: str
    scheduler: str
    """`slurm`, `local` or `none`."""
    root: str

    def __str__(self) -> str:
        return (
            f"lrdash: sweep={self.sweep} group={self.group} index={self.index} run={self.run}"
            f" job={self.job} restart={self.restart} port={self.port} host={self.host}"
            f" scheduler={self.scheduler} root={self.root}"
        )


def parse_identity(line: str) -> Identity | None:
    """The identity in a line of a log, whatever stands before it; None when there is none."""
    match = _LINE.search(line.rstrip("\r\n"))
    return msgspec.convert(match.groupdict(), Identity, strict=False) if match else None
