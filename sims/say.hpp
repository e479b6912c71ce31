#pragma once
#include <cstddef>
#include <exception>
#include <string_view>

/// What the program says to people goes to standard error, what it was asked for to standard output. Nothing else in it
/// writes to either.
namespace commands {

/// To be called before all else. The standard descriptors that are closed are taken by something that can be neither
/// read nor written, so that no file gets their numbers. A reader that went away and a file that may not grow are
/// errors from here on, not signals that end the program. False where the system has no descriptor left for that.
bool guard_standard_streams() noexcept;

/// One line on standard error: printable characters, and no more than `max_bytes` of them. What cannot be said is not
/// said: a standard error that is closed, full, or read by nobody changes nothing.
void say(std::string_view text, std::size_t max_bytes = 400) noexcept;
/// "mfld: " and what is wrong, likewise.
void complain(std::string_view sentence) noexcept;

/// Whether this process says anything, which it does until it is told not to: what it prints is dropped then, too.
void speak(bool does) noexcept;
/// What it complained of last while it did not speak; empty if of nothing.
std::string_view last_complaint() noexcept;

/// Whether standard error is a terminal on which a line can be drawn over the one before.
bool can_draw() noexcept;
/// How long a line of that terminal may be, one less than its columns, so that it begins no new row; 0: it does not
/// say.
std::size_t terminal_width() noexcept;
/// Draws a line of that length over the last one drawn; what is said next goes below it.
void draw(std::string_view line) noexcept;

/// Whoever read the standard output has seen enough. There is nobody to tell.
class ReaderLeft : public std::exception {};

/// Bytes of a result, as they are, on standard output. Throws FileError, or ReaderLeft.
void write_output(std::string_view bytes);
/// The same for text: each of its lines in printable characters.
void print(std::string_view text);
/// One line, whatever characters are in it.
void print_line(std::string_view line);
/// After the last of a result: some disks say only then that they are full. Throws FileError.
void close_output();

}  // namespace commands
