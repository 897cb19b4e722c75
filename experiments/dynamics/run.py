"""How far do learned flow maps go, beside simple baselines?

python experiments/dynamics/run.py                 all systems, each model of each: 45 minutes
python experiments/dynamics/run.py oscillator      one of them
python experiments/dynamics/run.py --table         only write the tables of README.md anew

Results are kept in results/, and figures in docs/course.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pinn.dynamics.summary import heads, rows

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import machine, today

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# System -> the command that studies it.
STUDIES = {
    "oscillator": 'pinn dynamics oscillator --model all --seconds 60 --watch "energy = m*v**2/2 + k*x**2/2"',
    "lorenz": "pinn dynamics lorenz --model all --seconds 300",
    "allen_cahn": "pinn dynamics allen_cahn --model convolutional --seconds 300",
}
FIGURES = ("lorenz", "allen_cahn")


def measure(name: str) -> None:
    """Run a study, and keep its summary and its figure."""
    with tempfile.TemporaryDirectory(prefix="dynamics-") as folder:
        out = Path(folder) / "study"
        words = shlex.split(STUDIES[name])[1:]
        command = [sys.executable, "-m", "pinn", *words, "--out", str(out)]
        subprocess.run(command, check=True, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})
        summary = json.loads((out / "dynamics.json").read_text())
        if name in FIGURES:
            shutil.copy(out / "figure.png", ROOT / "docs" / "course" / f"dynamics_{name}.png")
    said = {"command": STUDIES[name], "machine": machine(), "date": today()}
    (HERE / "results" / f"{name}.json").write_text(json.dumps(said | summary, indent=1) + "\n")


def table(name: str) -> str:
    """Return the table of a study, in Markdown; what is to be done if there is none."""
    file = HERE / "results" / f"{name}.json"
    if not file.exists():
        return f"Not run: `python experiments/dynamics/run.py {name}`."
    data = json.loads(file.read_text())
    head = heads(data)
    lines = [
        f"On {data['machine']}, {data['date']}:",
        "",
        "| " + " | ".join(head) + " |",
        "|---" + "|--:" * (len(head) - 1) + "|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows(data)]
    return "\n".join(lines + [""] * bool(data["notes"]) + [f"- {note}" for note in data["notes"]])


def write_tables() -> None:
    """Put the tables between their marks in README.md."""
    text = (HERE / "README.md").read_text()
    for name in STUDIES:
        marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(
            f"{marks[0]}.*?{marks[1]}", lambda m, n=name, k=marks: f"{k[0]}\n{table(n)}\n{k[1]}", text, flags=re.S
        )
    (HERE / "README.md").write_text(text)


def main() -> None:
    """Run what is asked for, and write the tables."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(STUDIES)}; default: all")
    p.add_argument("--table", action="store_true", help="run nothing")
    options = p.parse_args()
    if strangers := set(options.systems) - set(STUDIES):
        p.error(f"unknown system {', '.join(sorted(strangers))}; known: {', '.join(STUDIES)}")
    for name in () if options.table else options.systems or STUDIES:
        measure(name)
        write_tables()
    write_tables()


if __name__ == "__main__":
    main()
