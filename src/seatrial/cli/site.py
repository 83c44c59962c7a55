"""The site: serve it, and work off what was started on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from seatrial.core.errors import MissingExtra, Unreachable

Systems = Annotated[
    list[Path] | None, typer.Argument(help="System files or their folders that the site shows.", show_default=False)
]
Folder = Annotated[Path, typer.Option("--site", help="Where the site keeps its own data.")]
_FOLDER = Path(".seatrial-site")


def serve(
    systems: Systems = None,
    site: Folder = _FOLDER,
    listen: Annotated[str, typer.Option(help="host:port.")] = "127.0.0.1:8740",
    secure: Annotated[bool, typer.Option("--secure", help="The site is reached over HTTPS alone.")] = False,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Run what is started on it, too.")] = True,
    new: Annotated[bool, typer.Option("--new", help="Begin a site that shows no system yet.")] = False,
) -> None:
    """Serve the site: fleet, boards, gaps, people, documents, runs and the review room."""
    try:
        from seatrial.web.serving import prepare
        from seatrial.web.serving import serve as serving
        from seatrial.web.settings import stands
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the site needs {error.name}", remedy="install `seatrial[web]`") from None
    shown = systems or _here()
    _refuse_missing(shown)
    if not (shown or new or stands(site)):
        raise Unreachable(
            f"there is no system here to show, and no site in {site}",
            remedy="Name the folder of a system, name the site's folder with --site, or begin an empty one with --new.",
        )
    for problem in prepare(site.resolve(), shown, secure=secure):
        typer.echo(problem, err=True)
    serving(site.resolve(), listen, say=lambda text: typer.echo(text, err=True), with_worker=worker)


def worker(site: Folder = _FOLDER) -> None:
    """Do the runs that were started on the site; in a process of its own."""
    _open(site)
    from seatrial.web.serving import work

    work(lambda text: typer.echo(text, err=True))


def let_in(
    email: Annotated[str, typer.Argument(help="The e-mail of the account.")],
    site: Folder = _FOLDER,
    without_second_factor: Annotated[
        bool, typer.Option("--without-second-factor", help="Take their second factor away, too.")
    ] = False,
) -> None:
    """Make a link for a new password: on the site's own machine, where no administrator can get in any more."""
    _open(site)
    from seatrial.web.resets import let_in as made

    path = made(email, without_factor=without_second_factor)
    typer.echo(f"On the site, once, within a day: {path}")
    typer.echo("Their signing key opens no more: they get a new one.", err=True)


def _open(site: Path) -> None:
    """Take up the site that stands there. Raises Unreachable where none does, MissingExtra."""
    try:
        from seatrial.web.serving import prepare
        from seatrial.web.settings import stands
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the site needs {error.name}", remedy="install `seatrial[web]`") from None
    if not stands(site):
        raise Unreachable(
            f"there is no site in {site}", remedy="Name with --site the folder that `seatrial serve` says it uses."
        )
    prepare(site.resolve(), ())


def _refuse_missing(systems: Sequence[Path]) -> None:
    """Raises Unreachable where a named path is not there, or holds no system file."""
    from seatrial.app.folder.workspace import find_system_file

    for path in systems:
        if not find_system_file(path).is_file():
            raise Unreachable(
                f"there is no {path}, so the site has no system to show from there",
                remedy="Name an existing system file or its folder, or write one with `seatrial init`.",
            )


def _here() -> list[Path]:
    """The system of this folder, where there is one."""
    return [Path()] if any(Path(name).is_file() for name in ("seatrial.yaml", "seatrial.yml")) else []


COMMANDS = (serve, worker, let_in)
