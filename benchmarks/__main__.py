"""`python -m benchmarks`: every benchmark, one after the other; each prints its ratios."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    wanted = sys.argv[1:] or sorted(p.stem for p in here.glob("*.py") if not p.stem.startswith("_"))
    sys.argv = sys.argv[:1]
    for name in wanted:
        print(f"\n=== {name}", flush=True)
        runpy.run_path(str(here / f"{name}.py"), run_name="__main__")
