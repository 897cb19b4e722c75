"""The files of a run: written at once or not at all, and read back for `--resume`."""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pinn import checkpoint, files
from pinn.errors import ProblemError, shorten
from pinn.fingerprint import fingerprint
from pinn.plain import finite, flat
from pinn.problem import Problem
from pinn.runs import read_log
from pinn.settings import Settings, make_settings
from pinn.solution import Solution, describe
from pinn.training.plan import Plan
from pinn.training.state import TrainState, solution_params, state_like
from pinn.yaml_text import dump_yaml, read_yaml

CHECKPOINT = "checkpoint.npz"
RESULTS = ("solution.npz", "points.npz", "report.html", "figure.png")
# Settings that say only how long to go on; all others have to be those of the interrupted run.
MAY_CHANGE = re.compile(r"training\.seconds|target\.relative_l2|training\.stages\[\d+\]\.(steps|patience|log_every)")


@dataclass(frozen=True)
class RunFolder:
    """A run folder.

    Attributes:
        path: the folder.
        source: what was solved: the file in this folder, or the name of a problem built in Python.
        overrides: ``KEY=VALUE`` texts the run was started with.
        folder: where relative paths in the problem file begin.
    """

    path: Path
    source: str
    overrides: tuple[str, ...] = ()
    folder: str = ""

    @staticmethod
    def check_free(out: str | None, cure: str = "Choose another, or go on with --resume.") -> None:
        """Refuse a folder that is in use; say what to do.

        Raises:
            ProblemError: if it is not empty, or not a folder.
        """
        if out is None:
            return
        try:
            in_use = Path(out).exists() and (not Path(out).is_dir() or any(Path(out).iterdir()))
        except OSError as error:
            raise ProblemError(f"cannot be written: {error.strerror}.", place=f"--out {shorten(out)}") from None
        if in_use:
            raise ProblemError(f"is not an empty folder. {cure}", place=f"--out {out}")

    @staticmethod
    def choose(out: str | None, problem: Problem) -> "RunFolder":
        """Name a new run folder; nothing is written yet."""
        path = Path(out) if out else files.unused(Path("runs") / problem.name)
        return RunFolder(path, str(path / "problem.yaml") if problem.text else problem.name, problem.overrides)

    def create(self, problem: Problem, settings: Settings) -> None:
        """Make the folder, with the problem and the settings in it.

        Raises:
            ProblemError: if it cannot be written; nothing is left behind then.
        """
        new = [p for p in (self.path, *self.path.parents) if not p.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with (self.path / "problem.yaml").open("x", encoding="utf-8") as file:
                file.write(problem.text or f"# {problem.name} was built in Python\n")
            self._write_settings(problem, settings)
        except FileExistsError:
            place = f"--out {shorten(str(self.path))}"
            raise ProblemError("another run has begun in this folder meanwhile.", place=place) from None
        except OSError as error:
            for name in ("problem.yaml", "settings.yaml"):
                for file in (self.path / name, self.path / (name + ".partial")):
                    with suppress(OSError):
                        file.unlink()
            for folder in new:
                with suppress(OSError):
                    folder.rmdir()
            place = f"--out {shorten(str(self.path))}"
            raise ProblemError(f"cannot be written: {error.strerror}.", place=place) from None

    @staticmethod
    def open(path: Path) -> "RunFolder":
        """Open the folder of an earlier run.

        Raises:
            ProblemError: if it is not one.
        """
        kept = checkpoint.previous(path / CHECKPOINT)
        for name in ("problem.yaml", "settings.yaml", *(() if _is_file(kept) else (CHECKPOINT,))):
            if not _is_file(path / name):
                raise files.no_run(path, f"no {name}")
        settings = read_yaml(path / "settings.yaml")
        overrides = settings.get("overrides", []) if isinstance(settings, dict) else None
        if not isinstance(overrides, list) or not all(isinstance(o, str) for o in overrides):
            raise ProblemError(
                "is damaged: overrides has to be a list of KEY=VALUE texts.", place=str(path / "settings.yaml")
            )
        source = settings.get("built_in_python") or str(path / "problem.yaml")
        return RunFolder(path, source, tuple(overrides), str(settings.get("folder") or ""))

    def check_same(self, problem: Problem, settings: Settings, force: bool = False) -> str:
        """Refuse to go on with another problem or other settings than the run began with.

        Args:
            problem: as it is now.
            settings: as they are now.
            force: accept other settings.

        Returns:
            What differs and was accepted, as a sentence; empty if nothing does.

        Raises:
            ProblemError: saying what differs.
        """
        place = str(self.path / CHECKPOINT)
        _, meta = checkpoint.load(self.path / CHECKPOINT)
        if meta["problem_sha256"] != fingerprint(problem):
            raise ProblemError(
                f"is a checkpoint of another problem ({meta['name']}, {meta['problem_sha256'][:12]}); this one is "
                f"{problem.name} ({fingerprint(problem)[:12]}). Resume with the file the run began with.",
                place=place,
            )
        before, now = (flat(s.model_dump()) for s in (make_settings(meta["settings"]), settings))
        changed = [k for k in {**before, **now} if before.get(k) != now.get(k) and not MAY_CHANGE.fullmatch(k)]
        if any(k.startswith("training.windows") for k in changed):
            began, text = make_settings(meta["settings"]).training.windows, str(settings.training.windows)
            message = f"the run began with other training.windows: {began}. What it has reached is cut by them"
            raise ProblemError(f"{message}; go on with those, or begin anew.", ("training", "windows"), text, place)
        listed = ", ".join(f"{k} was {before.get(k)} and is {now.get(k)}" for k in changed)
        if changed and not force:
            raise ProblemError(
                f"the run began with other settings: {listed}. Go on with them all the same: --force.", place=place
            )
        return f"the run began with other settings: {listed}" if changed else ""

    def save_state(self, plan: Plan, state: TrainState) -> None:
        """Write the checkpoint; the one before it is kept beside it."""
        tree = {"state": state, "params": solution_params(state), "edges": np.asarray(plan.edges)}
        checkpoint.keep_previous(self.path / CHECKPOINT)
        checkpoint.save(self.path / CHECKPOINT, tree, describe(plan.problem, plan.settings))

    def load_state(self, plan: Plan, cut_log: bool = True) -> tuple[Plan, TrainState]:
        """Read the checkpoint, and cut the log back to it; the windows are those the run began with.

        Args:
            plan: of the same problem and settings.
            cut_log: False to read only.

        Raises:
            ProblemError: if it is damaged or does not fit.
        """
        file = self.path / CHECKPOINT
        arrays, _ = checkpoint.load(file)
        if not {"['state'].begun_with", "['edges']"} <= arrays.keys():
            raise ProblemError("is the checkpoint of an older version.", place=str(file))
        plan = plan._replace(edges=tuple(arrays["['edges']"].tolist()))
        number, stage = (int(arrays[f"['state'].{name}"]) for name in ("number", "stage"))
        span = tuple(float(arrays[f"['state'].window.{end}"]) for end in ("start", "stop"))
        state = checkpoint.restore(arrays, state_like(plan, number, stage, span), str(file), "['state']")
        if cut_log:
            kept = [r for r in self.read_log() if r["step"] <= int(state.step)]
            self._write("log.jsonl", "".join(json.dumps(r) + "\n" for r in kept))
        return plan, state

    def seconds(self) -> float:
        """Return the time the run has taken so far, by its log."""
        records = self.read_log()
        return records[-1]["seconds"] if records else 0.0

    def log(self, record: dict[str, Any]) -> None:
        """Append a line to the log."""
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """Return the records of the log; lines cut short by a crash or a full disk are left out."""
        return read_log(self.path / "log.jsonl")

    def finish(self, solution: Solution) -> None:
        """Write summary.json and, if the solution was evaluated, solution.npz and points.npz."""
        self._write("summary.json", json.dumps(finite(solution.summary), indent=2, allow_nan=False) + "\n")
        if solution.values:
            arrays = dict(solution.grid) | solution.values
            arrays |= {f"{name}_reference": v for name, v in solution.reference.items()}
            checkpoint.write_npz(self.path / "solution.npz", arrays)
            checkpoint.write_npz(self.path / "points.npz", {p: np.asarray(x) for p, x in solution.points.items()})
        for name in ("summary.previous.json", checkpoint.previous(self.path / CHECKPOINT).name):
            (self.path / name).unlink(missing_ok=True)

    def lock(self) -> int | None:
        """Keep other runs out for as long as what is returned is open; None where that is not possible.

        Raises:
            ProblemError: if a run is going on in the folder.
        """
        return files.lock(self.path / "problem.yaml", "a run is going on in this folder. Wait for its end, or stop it.")

    def go_on(self, problem: Problem, settings: Settings) -> None:
        """Keep the settings in force, and set the results of the earlier end aside: they are of other params."""
        self._write_settings(problem, settings)
        if (self.path / "summary.json").exists():
            os.replace(self.path / "summary.json", self.path / "summary.previous.json")
        for name in RESULTS:
            (self.path / name).unlink(missing_ok=True)

    def _write_settings(self, problem: Problem, settings: Settings) -> None:
        content = {
            "built_in_python": None if problem.text else problem.name,
            "overrides": list(problem.overrides),
            "folder": problem.folder,
            "settings": settings.model_dump(),
        }
        self._write("settings.yaml", dump_yaml(content))

    def _write(self, name: str, text: str) -> None:
        files.write_text(self.path / name, text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name no file system takes
        return False
