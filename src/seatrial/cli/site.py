"""The site: serve it, and work off what was started on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seatrial.core.errors import MissingExtra

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
) -> None:
    """Serve the site: fleet, boards, gaps, people, documents, runs and the review room."""
    try:
        from seatrial.web.serving import prepare
        from seatrial.web.serving import serve as serving
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the site needs {error.name}", remedy="install `seatrial[web]`") from None
    for problem in prepare(site.resolve(), systems or _here(), secure=secure):
        typer.echo(problem, err=True)
    serving(site.resolve(), listen, say=lambda text: typer.echo(text, err=True), with_worker=worker)


def worker(site: Folder = _FOLDER) -> None:
    """Work off the runs that were started on the site, in a process of its own."""
    try:
        from seatrial.web.serving import prepare, work
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the site needs {error.name}", remedy="install `seatrial[web]`") from None
    prepare(site.resolve(), ())
    work(lambda text: typer.echo(text, err=True))


def let_in(
    email: Annotated[str, typer.Argument(help="The e-mail of the account.")],
    site: Folder = _FOLDER,
    without_second_factor: Annotated[
        bool, typer.Option("--without-second-factor", help="Take their second factor away, too.")
    ] = False,
) -> None:
    """Make a link for a new password on the site's own machine, where no administrator can get in any more."""
    try:
        from seatrial.web.serving import prepare
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the site needs {error.name}", remedy="install `seatrial[web]`") from None
    prepare(site.resolve(), ())
    from seatrial.web.resets import let_in as made

    path = made(email, without_factor=without_second_factor)
    typer.echo(f"On the site, once, within a day: {path}")
    typer.echo("Their signing key opens no more: they get a new one.", err=True)


def _here() -> list[Path]:
    """The system of this folder, where there is one."""
    return [Path()] if any(Path(name).is_file() for name in ("seatrial.yaml", "seatrial.yml")) else []


COMMANDS = (serve, worker, let_in)
