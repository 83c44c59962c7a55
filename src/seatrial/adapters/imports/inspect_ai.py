"""Inspect AI: an eval log as JSON or `.eval`, sample by sample."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from seatrial.adapters.imports.result import Attempt, Ending, Result, document, entries, moment, section, text
from seatrial.core.errors import Malformed

_TOOL: Final = "Inspect"
_ENDINGS: Final[Mapping[Any, Ending]] = {
    "C": Ending.PASSED,
    "I": Ending.FAILED,
    "P": Ending.FAILED,
    "N": Ending.INCONCLUSIVE,
    1: Ending.PASSED,
    0: Ending.FAILED,
}
_ZSTD: Final = 93
_LOCAL_HEADER: Final = 30
_MOST_BYTES: Final = 2 << 30


def read(content: bytes, *, score: str | None = None) -> Result:
    """The samples under the scorer `score`, or under the only one. Raises Malformed."""
    log = _log(content)
    about = section(log.get("eval"), "eval")
    packages = section(about.get("packages"), "eval.packages")
    stats = section(log.get("stats"), "stats")
    samples = entries(log.get("samples"), "samples")
    return Result(
        tool=_TOOL,
        version=text(packages, "inspect_ai", "eval.packages"),
        target=text(about, "model", "eval"),
        started_at=moment(stats.get("started_at"), "stats.started_at"),
        ended_at=moment(stats.get("completed_at"), "stats.completed_at"),
        attempts=[_attempt(sample, score, text(about, "task", "eval")) for sample in samples],
        problems=tuple(_problems(log, about, samples)),
    )


def _attempt(sample: Any, score: str | None, task: str) -> Attempt:
    fields = section(sample, "a sample")
    if "id" not in fields:
        raise Malformed("a sample has no id", remedy="Give the file that the tool wrote, unchanged.")
    return Attempt(unit=str(fields["id"]), group=task, ending=_ending(fields, score))


def _ending(sample: Mapping[str, Any], score: str | None) -> Ending:
    if sample.get("error"):
        return Ending.ERRORED
    if sample.get("limit") or sample.get("invalidation"):
        return Ending.INCONCLUSIVE
    scores = sample.get("scores") or {}
    if score is None and len(scores) > 1:
        raise Malformed(
            f"the samples have several scores: {', '.join(sorted(scores))}", remedy="Declare which one counts: score."
        )
    given = scores.get(score) if score is not None else next(iter(scores.values()), None)
    if not isinstance(given, Mapping):
        return Ending.INCONCLUSIVE
    value = given.get("value")
    if isinstance(value, str | int | float) and value in _ENDINGS:
        return _ENDINGS[value]
    if isinstance(value, int | float) and 0 < value < 1:
        # Partly right is not right.
        return Ending.FAILED
    return Ending.INCONCLUSIVE


def _problems(log: Mapping[str, Any], about: Mapping[str, Any], samples: Sequence[Any]) -> Iterator[str]:
    if log.get("status") != "success":
        yield f"the run ended with the status {log.get('status')!r}"
    if log.get("invalidated"):
        yield "the log was invalidated"
    config = about.get("config") or {}
    for key in ("limit", "sample_id"):
        if config.get(key):
            yield f"only a part of the samples was asked ({key} {config[key]})"
    planned = (about.get("dataset") or {}).get("samples")
    asked = len({str(sample.get("id")) for sample in samples if isinstance(sample, Mapping)})
    if isinstance(planned, int) and asked < planned and not config.get("limit"):
        yield f"{planned} samples were planned, {asked} were asked"
    if (about.get("revision") or {}).get("dirty"):
        yield "the task's source had changes that are not on record"


def _log(content: bytes) -> Mapping[str, Any]:
    if not content.startswith(b"PK"):
        return document(content, _TOOL)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if "header.json" not in members:
                raise Malformed("the Inspect log has no header: the run did not end", remedy="Let the run end first.")
            if sum(info.file_size for info in members.values()) > _MOST_BYTES:
                raise Malformed("the Inspect log is larger than 2 GiB", remedy="Split the evaluation.")
            header = json.loads(_member(content, archive, members["header.json"]))
            samples = [
                json.loads(_member(content, archive, info))
                for name, info in members.items()
                if name.startswith("samples/")
            ]
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError, RecursionError):
        raise Malformed(
            "the Inspect log is no readable .eval file", remedy="Convert it: inspect log convert --to json."
        ) from None
    return {**section(header, "header.json"), "samples": samples}


def _member(content: bytes, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes; the library that reads ZIP files does not know Zstandard, by which Inspect compresses."""
    if info.compress_type != _ZSTD:
        return archive.read(info)
    import pyarrow as pa

    names = struct.unpack_from("<HH", content, info.header_offset + _LOCAL_HEADER - 4)
    start = info.header_offset + _LOCAL_HEADER + sum(names)
    packed = content[start : start + info.compress_size]
    return bytes(pa.decompress(packed, decompressed_size=info.file_size, codec="zstd"))
