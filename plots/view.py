#!/usr/bin/env python3
"""A page on which the particles of a run can be played, turned and asked.

    plots/view.py RUN_DIR [RUN_DIR2] [-o page.html] [--only KEY=VALUE] [--coordinates w_1,w_2] [--columns train_loss]
    plots/view.py --serve RUN_DIR [--port P]

One file that needs no network: open it in a browser. Two runs stand side by side and share one clock; a sweep gives its one
or two runs that --only leaves. Needs [observe.trajectory] particles in the experiment. Positions are those of
trajectory.h5 to 1e-5 of each coordinate's range; what is thinned, the page says.
--serve shows the page of a run that is still being written, or a list of the runs of a sweep, to this machine only
(127.0.0.1), until it is interrupted.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I does not look there
import interpreter  # noqa: E402, F401  (first: it may start the script over)

import argparse
import pathlib

import arguments
import frames
import pages
import serving
import words
from mfld import results

PAGE = "page.html"
MOST_RUNS = 2


def _names(text):
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names with commas between them")
    return names


def _port(text):
    port = arguments.at_least(0)(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 (any) to 65535")
    return port


def parser():
    made = arguments._Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = made.add_argument
    add("run_dirs", metavar="RUN_DIR", nargs="*", type=arguments._folder, help="what `mfld run --out RUN_DIR` wrote")
    add("-o", "--out", metavar="FILE", type=arguments._folder, help=f"the page (default: RUN_DIR/{PAGE})")
    add("--only", metavar="KEY=VALUE", action="append", default=[],
        help="of a sweep the runs with this value of a swept key, or of `case`; may be repeated")
    add("--coordinates", metavar="NAMES", type=_names,
        help=f"of a particle, with commas between them (default: the first {frames.MOST_COORDINATES}); the first two or "
             "three are shown at first")
    add("--columns", metavar="NAMES", type=_names, help="columns of metrics.csv whose curves stand beside the particles")
    add("--particles", metavar="K", type=arguments.at_least(1), default=frames.MOST_PARTICLES,
        help=f"keep at most K particles (default {frames.MOST_PARTICLES})")
    add("--frames", metavar="K", type=arguments.at_least(1), default=frames.MOST_FRAMES,
        help=f"keep at most K frames (default {frames.MOST_FRAMES})")
    add("--serve", metavar="RUN_DIR", type=arguments._folder, help="show the page of this run, or sweep, while it is written")
    add("--port", metavar="P", type=_port, default=serving.PORT, help=f"of --serve (default {serving.PORT}; 0: any)")
    return made


def runs_of(folder, only):
    """The runs in a folder that are wanted."""
    loaded = results.load(folder)
    if isinstance(loaded, results.Run):
        if only:
            raise results.Error(f"--only {only[0]}: {folder} is a single run.")
        return [loaded]
    return list(arguments.choose(loaded, only))


def _one_or_two(args):
    runs = [run for folder in args.run_dirs for run in runs_of(folder, args.only)]
    if not 1 <= len(runs) <= MOST_RUNS:
        shown = f" ({words.some([run.name for run in runs], 4)})" if runs else ""
        raise results.Error(f"a page shows one or two runs, and here are {len(runs)}{shown}; choose with "
                            "--only KEY=VALUE, or name their folders.")
    return runs


def _write(path, text):
    """All of it or nothing: under another name first."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(text, encoding="utf-8")
            os.replace(new, path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise results.FileError(f"cannot write {path}: {error.strerror or error}; -o FILE puts it elsewhere.") from None


def options_of(args):
    return {"coordinates": args.coordinates, "columns": args.columns, "particles": args.particles,
            "most_frames": args.frames}


def view(args):
    if args.serve is not None:
        if args.run_dirs or args.out:
            raise results.Error("--serve RUN_DIR takes no other RUN_DIR and writes no file.")
        serving.serve(args.serve, args.port, options_of(args))
        return
    if not args.run_dirs:
        raise results.Error("RUN_DIR is missing; view.py --help lists what there is.")
    shown = pages.payload(_one_or_two(args), **options_of(args))
    for run in shown["runs"]:
        for note in run["notes"]:
            words.complain(f"{run['label']}: {note}.")
    path = args.out or args.run_dirs[0] / PAGE
    _write(path, pages.page(shown))
    words.say(f"wrote {path}")


def main():
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")
    status = 0
    try:
        view(parser().parse_args())
    except arguments._Told:
        pass
    except results.Error as error:
        words.complain(error)
        status = error.status
    except MemoryError:
        words.complain("there is not enough memory to make this page.")
        status = results.FileError.status
    if words.lost and status == 0:
        words.complain(f"cannot write to standard output: {words.lost}.")
        status = results.FileError.status
    sys.exit(status)


if __name__ == "__main__":
    main()
