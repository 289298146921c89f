"""The command line. Each command parses, calls the library and prints; heavy modules are imported late."""

import sys
from collections.abc import Callable, Mapping, Sequence

from ..errors import PoiseError, suggestion
from .comparing import compare
from .evaluating import evaluate
from .health import diagnose
from .naming import data, names
from .playing import phase
from .reporting import report
from .series import forecast, impute
from .training import train
from .using import encode, reconstruct, sample

USAGE = """\
poise: train deep generative models on your own data

  poise train RECIPE DATA [options]      train, or go on with a run that was stopped
  poise sample RUN [-n 64] [--out FILE]  draw samples from a run
  poise forecast RUN DATA --horizon 50   how series go on, by a recurrent VAE
  poise impute RUN DATA [--out FILE]     fill the gaps of series
  poise evaluate RUN [--data DATA]       score samples beside data, and beside what real data score
  poise evaluate --real DATA --fake DATA the same without a run
  poise encode RUN DATA [--out FILE]     codes and anomaly scores of data
  poise reconstruct RUN DATA             what a VAE makes of data, beside the data
  poise diagnose RUN [--json]            what is wrong with a run, how one knows, and what to do
  poise compare STUDY DATA [--size full] which optimizer, rule or recipe? tuned alike, under an equal budget
  poise report RUN... [--open|--serve]   one offline HTML page of a run, several, or a study
  poise phase GAME [--rules R,R,...]     draw why rules converge, cycle or diverge on a game of the plane
  poise list recipes|rules|optimizers|studies|judges|metrics|data
  poise data fetch NAME                  download a built-in data set in full

DATA is a folder or .zip of images, a .npy, .npz or IDX file, a .csv or .parquet table of numbers, or a built-in set
(poise list data). For rvae it is series: a .csv or .parquet whose rows are time, a folder of .csv, or arrays [n, t, d].
Each command answers --help. First steps:  poise train gan fashion-mnist --minutes 3
"""


COMMANDS: Mapping[str, Callable[[list[str]], int]] = {
    "train": train,
    "sample": sample,
    "forecast": forecast,
    "impute": impute,
    "evaluate": evaluate,
    "encode": encode,
    "reconstruct": reconstruct,
    "diagnose": diagnose,
    "compare": compare,
    "report": report,
    "phase": phase,
    "list": names,
    "data": data,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 for a failed run, 2 after a mistake, 128 + n after signal n."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"poise {version('poise')}")
        return 0
    try:
        if args[0] not in COMMANDS:
            raise PoiseError(f"no command {args[0]!r}; {suggestion(args[0], COMMANDS)}")
        return COMMANDS[args[0]](args[1:])
    except PoiseError as error:
        if "--debug" in args:
            raise
        print(f"poise: {error}", file=sys.stderr)
        return 2
