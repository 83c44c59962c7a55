"""The record: verify it, export it, keep its head elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, PRODUCTION, AsJson, AtGate, File, open_file, print_json

if TYPE_CHECKING:
    from seatrial.core.bodies import ImportBody
    from seatrial.core.observation import Json
    from seatrial.core.vocabulary import GateName
    from seatrial.evidence.report import VerificationReport

_NOT_VERIFIED = 1


def verify(
    file: Annotated[
        Path, typer.Argument(help="A system file, its folder, an exported bundle, or a verdict's statement.")
    ] = HERE,
    trust: Annotated[Path | None, typer.Option(help="The trust root that you keep outside.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoints that you keep outside, one a line.")] = None,
    subject: Annotated[str | None, typer.Option(help="For a statement: the digest of what is to be deployed.")] = None,
    system: Annotated[
        Path | None,
        typer.Option(help="For a statement: the system file of what is to be deployed; it and its files are digested."),
    ] = None,
    gate: AtGate = PRODUCTION,
    as_json: AsJson = False,
) -> None:
    """Verify every digest and signature, offline: of a ledger, an exported bundle, or a statement that says GO."""
    from seatrial.app.running.pipeline import is_statement
    from seatrial.app.running.verify import verify_exported, verify_ledger
    from seatrial.evidence.entry import Checkpoint

    if file.is_file() and file.suffix not in {".yaml", ".yml"} and is_statement(file):
        _stated(file, trust, subject, system, gate=gate, as_json=as_json)
        return
    pins = Checkpoint.load(checkpoint) if checkpoint else ()
    if file.is_file() and file.suffix not in {".yaml", ".yml"}:
        found = verify_exported(file, trust_file=trust, pin=pins)
    else:
        found = verify_ledger(open_file(file), trust_file=trust, pin=pins)
    _show(found, as_json=as_json)
    raise typer.Exit(0 if found.intact else _NOT_VERIFIED)


def _stated(
    file: Path, trust: Path | None, subject: str | None, system: Path | None, *, gate: GateName, as_json: bool
) -> None:
    from seatrial.app.folder.clock import SystemClock
    from seatrial.app.running.pipeline import verify_stated
    from seatrial.core.errors import Refused

    if trust is None:
        raise Refused("nobody is trusted", remedy="Name the trust root that you keep outside: --trust FILE.")
    told = verify_stated(
        file,
        trust_file=trust,
        subject=subject,
        workspace=None if system is None else open_file(system),
        now=SystemClock().now(),
        gate=gate,
    )
    until = told.predicate["valid_until"]
    if as_json:
        print_json({"verdict": "GO", "subject": told.subject_digest, "signed_by": told.signer.holder, "until": until})
        return
    typer.echo(f"GO for {told.subject_name} until {until}, signed by {told.signer.holder}")
    typer.echo(f"  subject: {told.subject_digest}")


def import_(
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help="inspect, garak, promptfoo or junit.")],
    result: Annotated[Path, typer.Argument(help="The file that the tool wrote.")],
    file: File = HERE,
    name: Annotated[
        str | None, typer.Option(help="Which declared import it is, where several have this format.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """File another tool's result as observed evidence; its own verdict is not taken over."""
    from seatrial.app.running.importing import import_result

    body, evidence = import_result(open_file(file), kind, result, name=name)
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence, **_told(body)})
        return
    counts = body.counts["all"]
    typer.echo(f"{body.tool} {body.tool_version} on {body.target}: {counts['passed']} of {sum(counts.values())} passed")
    for problem in body.problems:
        typer.echo(f"  {problem}")
    typer.echo(f"on record as entry {evidence.sequence}, {evidence.digest[:16]}; `seatrial run` weighs it")


def _told(body: ImportBody) -> dict[str, Json]:
    return {"name": body.name, "tool": body.tool, "counts": dict(body.counts["all"]), "problems": list(body.problems)}


def export(
    target: Annotated[Path, typer.Argument(help="The bundle to write.")],
    file: File = HERE,
    artifacts: Annotated[bool, typer.Option("--artifacts", help="Take artifacts along; they may be personal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole record as one bundle; it verifies without a server."""
    from seatrial.app.deciding.export import export as write

    found = write(open_file(file), target, with_artifacts=artifacts)
    if not as_json:
        typer.echo(f"bundle: {target}")
    _show(found, as_json=as_json)


def upload(
    file: Annotated[
        Path, typer.Argument(help="A system file or its folder, whose whole record is sent; or an exported bundle.")
    ] = HERE,
    site: Annotated[str, typer.Option(envvar="SEATRIAL_SITE", help="The site's address, as a browser opens it.")] = "",
    artifacts: Annotated[bool, typer.Option("--artifacts", help="Take artifacts along; they may be personal.")] = False,
    as_json: AsJson = False,
) -> None:
    """File the evidence of runs made here on a site; SEATRIAL_TOKEN holds a token of the system."""
    import os
    from tempfile import TemporaryDirectory

    from seatrial.app.deciding.export import export as write
    from seatrial.app.deciding.sending import TOKEN, send_bundle
    from seatrial.core.errors import Refused

    if not site:
        raise Refused("no site is named", remedy="Name it: --site https://…, or in SEATRIAL_SITE.")
    token = os.environ.get(TOKEN, "")
    if file.is_file() and file.suffix not in {".yaml", ".yml"}:
        told = send_bundle(file, site, token)
    else:
        with TemporaryDirectory() as folder:
            bundle = Path(folder) / "bundle"
            write(open_file(file), bundle, with_artifacts=artifacts)
            told = send_bundle(bundle, site, token)
    if as_json:
        print_json(dict(told))
        return
    typer.echo(
        f"filed: {len(told['taken'])} records; {told['known']} were there already, {told['left_out']} are no evidence "
        "of machines"
    )
    typer.echo(f"on record there as {str(told['record'])[:16]}")


def checkpoint(file: File = HERE) -> None:
    """Print the head of the record; kept elsewhere, it shows later that nothing was dropped."""
    from seatrial.app.running.verify import checkpoint as head

    typer.echo(str(head(open_file(file))))


def _show(found: VerificationReport, *, as_json: bool) -> None:
    if as_json:
        from seatrial.core.codec import to_data

        print_json({"intact": found.intact, "anchored": found.anchored, "report": to_data(found)})
        return
    typer.echo(found.sentence)
    if found.entries and found.intact:
        typer.echo(f"  checkpoint: {found.system} {found.entries} {found.head}")
    for problem in (*found.problems, *found.void):
        typer.echo(f"  {problem}")


COMMANDS = (verify, export, upload, import_, checkpoint)
