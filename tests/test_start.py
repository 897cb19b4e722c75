"""What answers at once does so without jax, and every verb says what it does."""

import subprocess
import sys

import pytest

from pinn.__main__ import VERBS, main
from pinn.names import PLAIN_NETWORKS, PLAIN_SAMPLERS, PLAIN_STAGES
from pinn.networks import NETWORKS
from pinn.optimizers import OPTIMIZERS
from pinn.options import keyword_options
from pinn.registry import shipped
from pinn.sampling import SAMPLERS

NAMES = [verb.split()[0] for verb in VERBS]
HEAVY = ("jax", "flax", "optax", "matplotlib", "scipy.integrate", "scipy.special")


def loaded(*lines):
    """Return which of the heavy packages a new process has imported at its end."""
    code = "\n".join(["import sys, contextlib, io", "from pinn.__main__ import main", *lines])
    code += f"\nprint(*[m for m in {HEAVY} if m in sys.modules], sep=' ', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def test_help_imports_nothing_heavy():
    quiet = "with contextlib.suppress(SystemExit):"
    assert loaded("main(['--help'])", *(f"{quiet} main(['{name}', '--help'])" for name in NAMES)) == []


def test_check_does_without_jax():
    """Nor scipy, but where a divisor is looked at more closely, or for the error function, which numpy does not have."""
    closer = {"black_scholes", "cavity_corners", "fisher_kpp", "ground_state", "kdv_two_solitons", "two_body"}
    named = {"wave", "wave_2d"}  # coordinates with mirrors are named: to look at them needs jax
    for names, heavy in ((set(shipped()) - closer - named, []), (closer, ["scipy.special"])):
        assert loaded(*(f"assert main(['check', '{name}']) == 0" for name in sorted(names))) == heavy
    assert "jax" in loaded(*(f"assert main(['check', '{name}']) == 0" for name in sorted(named)))
    adam = "training.stages=[{optimizer: adam, learning_rate: 1e-3, steps: 9}]"
    assert "jax" in loaded(f"main(['check', 'heat', '--set', '{adam}'])"), "optax has to be asked; this test can fail"


def test_what_is_judged_without_jax_is_what_the_tables_say():
    """A newcomer's network or optimizer need not be in the shorter tables: it is then judged with jax."""
    assert {n: keyword_options(NETWORKS[n].__init__) for n in PLAIN_NETWORKS} == PLAIN_NETWORKS
    assert set(PLAIN_STAGES) <= set(OPTIMIZERS) and set(PLAIN_SAMPLERS) <= set(SAMPLERS)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_a_sentence_an_example_and_the_exit_codes(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: pinn {name} " in text
    assert f"example: pinn {name} " in text.replace("\n", " ")
    assert "exit codes: 0 " in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_list_of_verbs(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in VERBS) and "example: pinn run " in text
    assert main(["solve"]) == 2
    assert "unknown verb 'solve'" in capsys.readouterr().err
    assert main([]) == 2
