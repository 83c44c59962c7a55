"""Keys: which count in a system's record, one's own public key, and the trust root that is kept outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, console, open_file, print_json
from seatrial.core.vocabulary import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.evidence.trust import TrustedKey

_SHOWN = 16


def keys(
    file: File = HERE,
    own: Annotated[
        str, typer.Option(help="Print the public key of this holder here, such as person:olga; it is made if need be.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List whose keys count in this system's record, and until when; or print one's own for the trust root."""
    import base64

    from seatrial.app.folder.trust_roots import counting, own_key

    workspace = open_file(file)
    if own:
        signer = own_key(workspace, own)
        public = base64.b64encode(signer.public).decode()
        if as_json:
            print_json({"holder": signer.holder, "key": signer.key_id, "public": public})
        else:
            typer.echo(f"{signer.holder}={public}")
        return
    _show(counting(workspace), as_json=as_json)


def trust_root(
    root: Annotated[Path, typer.Argument(help="The trust root; made where there is none yet.")],
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="HOLDER=PUBLIC", help="Add a key, as `seatrial keys --own` prints it; again and again."),
    ] = None,
    role: Annotated[list[Role] | None, typer.Option(help="With one --add: all that this person may sign for.")] = None,
    until: Annotated[str, typer.Option(help="With --add: the day on which the key ends, for rotation.")] = "",
    retire: Annotated[str, typer.Option(metavar="KEY", help="End a key by its holder or first digits.")] = "",
    revoke: Annotated[str, typer.Option(metavar="KEY", help="End a stolen key: nothing since then counts.")] = "",
    at: Annotated[str, typer.Option(help="The day, or UTC time, of the end or the theft; now by default.")] = "",
    as_json: AsJson = False,
) -> None:
    """List or change the trust root: the file that says whose keys count. Keep it where no signer can write."""
    from seatrial.app.folder import trust_roots

    held = trust_roots.read(root)
    when = _time(at, "--at") or datetime.now(UTC)
    if role and len(add or ()) != 1:
        raise typer.BadParameter("--role goes with exactly one --add")
    for each in add or ():
        holder, _, public = each.partition("=")
        held = trust_roots.add(
            held, holder, public, at=_time(at, "--at"), until=_time(until, "--until"), roles=role or ()
        )
    for name, revoked in ((retire, False), (revoke, True)):
        if name:
            held = trust_roots.end(held, name, at=when, revoked=revoked)
    if add or retire or revoke:
        trust_roots.write(held, root)
    _show(held.keys, as_json=as_json)


def _time(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text}: expected a day such as 2026-11-28, or a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _show(found: Sequence[TrustedKey], *, as_json: bool) -> None:
    from seatrial.core.codec import to_data

    if as_json:
        print_json([to_data(each) for each in found])
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("holder", "key", "signs for", "from", "until"):
        table.add_column(name, no_wrap=name == "key")
    for each in found:
        roles = ", ".join(role.value for role in each.roles) if each.roles is not None else ""
        ends = (
            f"revoked {each.revoked_at:%Y-%m-%d %H:%M}"
            if each.revoked_at
            else (f"{each.valid_until:%Y-%m-%d %H:%M}" if each.valid_until else "")
        )
        begins = f"{each.valid_from:%Y-%m-%d}" if each.valid_from else ""
        here = " (on this machine)" if each.local else ""
        table.add_row(f"{each.holder}{here}", each.key[:_SHOWN], roles, begins, ends)
    console().print(table)
    if not found:
        typer.echo("no key counts")


COMMANDS = (keys, trust_root)
