"""The command line that every figure shares: RUN_DIR [--out FOLDER]."""

import argparse
import pathlib

import results


def parse(doc, add=lambda parser: None):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", metavar="RUN_DIR", type=pathlib.Path, help="what `mfld run --out RUN_DIR` wrote")
    parser.add_argument("--out", metavar="FOLDER", type=pathlib.Path, help="where the figures go (default: RUN_DIR)")
    add(parser)
    args = parser.parse_args()
    args.out = args.out or args.run_dir
    return args


def load_runs(args):
    """What RUN_DIR holds, as Runs even if it is one."""
    loaded = results.load(args.run_dir)
    runs = loaded if isinstance(loaded, results.Runs) else results.Runs([loaded], args.run_dir)
    if not runs:
        raise results.ResultError(f"{args.run_dir} lists no run that has ended.")
    return runs
