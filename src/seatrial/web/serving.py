"""The site and its worker as this machine's processes: nothing to set up, nothing to install beside them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment

from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.web.settings import configure

_STARTS_WITHIN_S = 300
"""A worker that says nothing for so long is begun anew; a slow machine decides a first system before it answers."""


def prepare(folder: Path, systems: Sequence[Path], *, secure: bool = False) -> list[str]:
    """Make or move up the site's tables and add the systems; what could not be added, in words."""
    configure(folder, secure=secure)
    from django.core.management import call_command

    from seatrial.web.fleet import register
    from seatrial.web.sso import provider

    # A provider that cannot be used is told now, and not to the first who signs in.
    provider()
    call_command("migrate", verbosity=0, interactive=False)
    problems = []
    for path in systems:
        try:
            register(path)
        except SeatrialError as error:
            problems.append(f"{path}: {error.what}")
    return problems


def serve(folder: Path, listen: str, *, say: Callable[[str], None], with_worker: bool = True, threads: int = 8) -> None:
    """Serve until stopped, with a worker beside it. The site must be prepared. Raises Unreachable, Malformed."""
    from django.core.wsgi import get_wsgi_application
    from gunicorn.app.base import BaseApplication

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise Malformed(f"{listen!r} is no address", remedy="Write host:port, such as 127.0.0.1:8740.")
    application = get_wsgi_application()

    class Site(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            self.cfg.set("bind", listen)
            self.cfg.set("workers", 1)
            self.cfg.set("threads", threads)
            self.cfg.set("loglevel", "error")
            self.cfg.set("timeout", _STARTS_WITHIN_S)
            self.cfg.set("graceful_timeout", 5)
            self.cfg.set("post_worker_init", lambda _: _beside(say, with_worker=with_worker))
            self.cfg.set("when_ready", lambda _: _greet(f"http://{host}:{port}", folder, say))

        def load(self) -> object:
            return application

    try:
        Site().run()
    except OSError as error:
        raise Unreachable(f"the site cannot listen on {listen}: {error.strerror}", remedy="Free the port.") from None


def _greet(address: str, folder: Path, say: Callable[[str], None]) -> None:
    from seatrial.web.first import first_token

    say(f"the site is on {address} (its data: {folder})")
    if (token := first_token()) is not None:
        say(f"nobody has an account yet; this address makes the first one, once: {address}/begin/{token}/")


def _beside(say: Callable[[str], None], *, with_worker: bool) -> None:
    """What goes on beside the pages of this process, once what all of them need is there."""
    from seatrial.web.jobs import Worker
    from seatrial.web.keeping import Keeper, set_apart

    keeper = Keeper(say=say)
    _load_pages()
    keeper.begin()
    set_apart()
    _always("keeper", keeper.run, say)
    if with_worker:
        _always("worker", lambda: Worker(say=say).run(), say)


def _load_pages() -> None:
    """What would be loaded by the first who ask: templates, addresses with their views, and what draws pictures."""
    from django.template import engines
    from django.urls import reverse

    from seatrial.present import charts
    from seatrial.web.resting import product

    templates: Environment = engines["jinja2"].env  # type: ignore[attr-defined]
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    reverse("fleet")
    product()
    charts.start()


def _always(name: str, run: Callable[[], None], say: Callable[[str], None]) -> None:
    def always() -> None:
        while True:
            try:
                run()
            except (
                ArithmeticError,
                AttributeError,
                LookupError,
                OSError,
                RuntimeError,
                TypeError,
                ValueError,
            ) as error:
                say(f"the {name} broke down and begins anew: {type(error).__name__}: {error}")
                time.sleep(1)

    threading.Thread(target=always, name=f"seatrial-{name}", daemon=True).start()


def work(say: Callable[[str], None]) -> None:
    """Work off the site's queue in this process until it is stopped."""
    from seatrial.web.jobs import Worker

    Worker(say=say).run()
