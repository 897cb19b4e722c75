"""`pinn schema`: what a problem file may hold, for editors that complete and check YAML."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pinn.errors import ProblemError


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn schema",
        description="Print the JSON schema (draft 2020-12) of a problem file, for editors that check YAML.",
        epilog="example: pinn schema --out pinn.schema.json\n"
        "         and in the first line of a problem file: # yaml-language-server: $schema=pinn.schema.json\n\n"
        "exit codes: 0 printed or written; 2 it cannot be written",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("--out", metavar="FILE", help="write it there; an older one is replaced")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    from pinn.schema import schema

    text = json.dumps(schema(), indent=2) + "\n"
    if options.out is None:
        print(text, end="")
        return 0
    try:
        _write(Path(options.out), text)
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {options.out}")
    return 0


def _write(path: Path, text: str) -> None:
    """Replace an older schema, and nothing else."""
    from pinn.files import write_text

    try:
        if path.exists() and '"$schema"' not in path.read_text(encoding="utf-8", errors="replace")[:200]:
            raise ProblemError("exists and is no JSON schema. Give another FILE.", place=str(path))
        write_text(path, text)
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(path)) from None
