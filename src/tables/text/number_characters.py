#!/usr/bin/env python3
"""Writes number_characters.hpp from the Unicode Character Database: of the package unicodedata2 where it is installed,
which is newer, or else of this Python."""
from pathlib import Path

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

WIDTH = 120


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def array(name, comment, codes):
    """A constant of the ranges, as full lines."""
    found = ranges(codes)
    lines = [f"/// {comment}", f"inline constexpr std::array<CodeRange, {len(found)}> {name} = {{{{"]
    line = "   "
    for first, last in found:
        item = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line) + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += item
    return lines + [line.rstrip(","), "}};"]


def main():
    characters = [chr(code) for code in range(0x110000)]
    numbers = [ord(c) for c in characters if unicodedata.category(c) in ("Nd", "Nl", "No")]
    numerals = [ord(c) for c in characters
                if unicodedata.category(c) == "Lo" and unicodedata.numeric(c, None) is not None]
    text = f"""\
#pragma once
#include <array>
#include <cstdint>

// Written by number_characters.py from Unicode {unicodedata.unidata_version}.
// clang-format off

namespace mfld::tables {{

struct CodeRange {{
  std::uint32_t first;
  std::uint32_t last;
}};

"""
    text += "\n".join(array("number_characters", "Digits, letters that are numbers, and other numbers (Nd, Nl, No), of "
                            "all scripts, in ascending order.", numbers))
    text += "\n\n"
    text += "\n".join(array("numerals", "Letters that have a value as a number, most of them Chinese.", numerals))
    text += "\n\n}  // namespace mfld::tables\n\n// clang-format on\n"
    Path(__file__).with_suffix(".hpp").write_text(text)


main()
