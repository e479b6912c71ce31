"""What every figure's script shares: its command line RUN_DIR [--out FOLDER] [--only KEY=VALUE], the runs that it
draws, and how it ends: 0, 2 where it is used wrongly or cannot draw, 4 where it cannot read or write, 130 when
interrupted."""

import argparse
import pathlib
import sys

from mfld import results
import style
import words


class _Told(Exception):
    """--help was asked for, and is all there is to do."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise results.Error(f"{message}; {self.prog} --help lists what there is.")

    def _print_message(self, message, file=None):
        words.say(message.rstrip("\n"))

    def exit(self, status=0, message=None):
        raise _Told


def _folder(text):
    if text == "" or text.startswith("~"):
        raise argparse.ArgumentTypeError(f"{text!r} names no folder" + " (no shell has expanded it)" * bool(text))
    return pathlib.Path(text)


def at_least(least):
    """The type of an option: an integer of this size."""

    def integer(text):
        if not text.isascii() or not text.isdigit() or int(text[:18]) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer >= {least}")
        return int(text[:18])

    return integer


def _parse(doc, add):
    parser = _Parser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("run_dir", metavar="RUN_DIR", type=_folder, help="what `mfld run --out RUN_DIR` wrote")
    parser.add_argument("--out", metavar="FOLDER", type=_folder, help="where the figures go (default: RUN_DIR)")
    parser.add_argument("--only", metavar="KEY=VALUE", action="append", default=[],
                        help="of several runs those with this value of a swept key, or of `case`; may be repeated")
    add(parser)
    args = parser.parse_args()
    args.out = args.out or args.run_dir
    return args


def choose(runs, wanted):
    """Those of the Runs that `KEY=VALUE` allow: for every key that is named, one of its values."""
    if not wanted:
        return runs
    allowed = {}
    for text in wanted:
        key, equals, value = text.partition("=")
        if not equals:
            raise results.Error(f"--only {text}: must be KEY=VALUE.")
        there = runs.cases if key == "case" else runs.values(key)
        value = value if key == "case" else results.value_of(value)
        if value not in there:
            raise results.Error(f"--only {text}: there is no run with {key} = {value}; there are "
                                f"{words.some(there, 20)}.")
        allowed.setdefault(key, []).append(value)
    chosen = [run for run in runs
              if all((run.case if key == "case" else run.keys[key]) in values for key, values in allowed.items())]
    if not chosen:
        raise results.Error(f"no run in {runs.path} has {' and '.join(wanted)}.")
    return results.Runs(chosen, runs.path)


def _with_those_that_ended(runs, args):
    """The runs that came to an end. What is left out, and what diverged, goes into args.notes and to standard error."""
    ended = results.Runs([run for run in runs if run.ended], runs.path)
    total = max(len(runs), runs.planned or 0)
    if not ended:
        raise results.Error(f"{args.run_dir}: 0 of {total} runs have finished; there is nothing to draw yet.")
    if len(ended) < total:
        args.notes.append(f"{len(ended)} of {total} runs; the others have not finished and are left out")
    diverged = sum(run.summary.get("ending") == "diverged" for run in ended)
    if diverged:
        args.notes.append(f"{diverged} of {len(ended)} runs diverged: no median where one of its runs has no number")
    return ended


def _load(args, script):
    """What RUN_DIR holds, as Runs even if it is one."""
    loaded = results.load(args.run_dir)
    args.origin = style.origin(script, loaded.experiment)
    args.notes = []
    if isinstance(loaded, results.Runs):
        runs = _with_those_that_ended(choose(loaded, args.only), args)
    else:
        if args.only:
            raise results.Error(f"--only {args.only[0]}: {args.run_dir} is a single run.")
        runs = results.Runs([loaded], args.run_dir)
        if not loaded.ended:
            args.notes.append(f"not finished: {loaded.progress}")
        elif loaded.summary.get("ending") == "diverged":
            args.notes.append(f"this run diverged at {loaded.progress}")
    for note in args.notes:
        words.complain(f"{args.run_dir}: {note}.")
    return runs


def run(doc, draw, add=lambda parser: None):
    """Parses the command line, calls draw(runs, args), and ends the program. Errors become one sentence here."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")
    try:
        status = 0
        args = _parse(doc, add)
        draw(_load(args, draw.__code__.co_filename), args)
    except _Told:
        pass
    except results.Error as error:
        words.complain(error)
        status = error.status
    except (ValueError, ArithmeticError) as error:  # of matplotlib, for numbers near the largest that there are
        words.complain(f"cannot draw {args.run_dir}: {error}.")
        status = results.Error.status
    except MemoryError:
        words.complain("there is not enough memory to draw this.")
        status = results.FileError.status
    if words.lost and status == 0:
        words.complain(f"cannot write to standard output: {words.lost}.")
        status = results.FileError.status
    sys.exit(status)
