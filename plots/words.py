"""Text that a script says or draws: names from elsewhere are any sequence of bytes."""

import os
import sys
import textwrap

from mfld.results import some  # noqa: F401  (said here, too)

LONGEST = 400  # of a message, in characters


def _is_control(code):
    """What a terminal or a reader of lines would act upon; code points of bytes that are no UTF-8 too."""
    return (code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029, 0x200E, 0x200F) or 0x202A <= code <= 0x202E
            or 0x2066 <= code <= 0x2069 or 0xD800 <= code <= 0xDFFF)


def _escaped(character):
    errors = "surrogateescape" if 0xDC80 <= ord(character) <= 0xDCFF else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


def printable(text, longest=LONGEST):
    """One line without control characters, which become \\xNN byte by byte; of a longer text the middle is left out."""
    line = "".join(_escaped(character) if _is_control(ord(character)) else character for character in str(text))
    half = (longest - 3) // 2
    return line if len(line) <= longest else f"{line[:half]}...{line[-half:]}"


def in_figure(text, width=40):
    """For a title or a legend: lines of `width` characters at most, and no formula where a name has a dollar sign."""
    lines = textwrap.wrap(printable(text, 4 * width), width, break_long_words=True) or [""]
    text = "\n".join(line.replace("$", r"\$") for line in lines)
    return "\u200a" + text if text.startswith("_") else text  # matplotlib hides what begins with an underscore


lost = None  # why standard output could not be written


def say(text):
    """Lines on standard output. A reader that went away (`| head`) wants no more, and the figure is made all the same;
    any other failure is kept in `lost`."""
    global lost
    try:
        for line in str(text).split("\n"):
            print(printable(line, 10**6), flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    except OSError as error:
        lost = lost or error.strerror
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


def complain(text):
    """A line on standard error, if there is one."""
    try:
        print(printable(text), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
