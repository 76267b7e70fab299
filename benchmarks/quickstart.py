"""The README's results: runs `pilotage train` as `make train` does, or reads finished runs, and prints their numbers.

python benchmarks/quickstart.py                          # trains (15 to 25 minutes on two cores)
python benchmarks/quickstart.py runs/latest              # reads
python benchmarks/quickstart.py runs/day/a runs/day/b    # one after the other, for instance other seeds
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Print a Markdown table per run, its seed and commit, the machine, and what each phase took."""
    if not arguments:
        subprocess.run([str(Path(sys.executable).with_name("pilotage")), "train"], check=True)
    for name in arguments or ["runs/latest"]:
        show(Path(name).resolve())


def show(run: Path) -> None:
    """Print one finished run."""
    summary = json.loads((run / "evaluation.json").read_text())
    facts = json.loads((run / "versions.json").read_text())
    seed = next((line.split(":")[1].strip() for line in (run / "config.yaml").open() if line.startswith("seed:")), "?")
    print(f"seed {seed}, commit {facts['git'].get('commit', 'unknown')[:7]}\n")
    print("| driver | success | 95 % | collisions | mean return |\n|---|---|---|---|---|")
    for name, entry in summary["policies"].items():
        success, crash = entry["success"], entry["collisions"]
        print(
            f"| {name} | {success['rate']:.0%} ({success['k']}/{success['n']}) "
            f"| {success['low']:.0%} to {success['high']:.0%} | {crash['rate']:.0%} | {entry['return']['mean']:+.2f} |"
        )
    machine = facts["machine"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, GPUs: {', '.join(machine['gpus']) or 'none'}")
    if "perception" in summary:
        print("warm start, held-out frames:", {key: round(value, 2) for key, value in summary["perception"].items()})
    timing = run / "timing.json"
    if timing.is_file():
        print("seconds:", {key: round(value) for key, value in json.loads(timing.read_text()).items()})
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
