"""Appends and prints each digest that the ledger acknowledged: `ledger_writer.py URL FOLDER NAME COUNT`."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger_scene import Scene

from seatrial.evidence.ledger import Ledger


def main(url: str, folder: str, name: str, count: int) -> None:
    scene = Scene(Path(folder))
    signer = scene.keys.worker(name)
    ledger = Ledger.open(url)
    for number in range(count):
        entry = ledger.append(scene.observed(f"{name} {number} " + "x" * (number * 37 % 4000), signer=signer))
        sys.stdout.write(f"{entry.digest}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
