#include "core/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

struct Function {
  std::string_view name;
  double (*value)(double);
};

constexpr auto functions = std::to_array<Function>({
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},
    {"abs", [](double x) { return std::abs(x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"round", [](double x) { return std::round(x); }},
});

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Reads from left to right, one function a rank: sums of products of powers.
class Parser {
 public:
  Parser(std::string_view text, const std::function<double(std::string_view)>& value_of)
      : text_(text), value_of_(value_of) {}

  double whole() {
    const double value = sum();
    next();
    if (at_ < text_.size()) {
      complain("is too much");
    }
    return value;
  }

 private:
  static constexpr char end = '\0';
  static constexpr int most_nested = 100;

  /// The character that is next, after blanks.
  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : end;
  }

  bool take(char c) {
    const bool found = next() == c && c != end;
    at_ += found ? 1 : 0;
    return found;
  }

  [[noreturn]] void complain(std::string_view why) {
    next();
    throw InvalidInput(at_ == text_.size() ? "it ends too early"
                                           : fmt::format("what stands at place {} {}", at_ + 1, why));
  }

  double sum() {
    double value = product();
    while (true) {
      if (take('+')) {
        value += product();
      } else if (take('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }

  double product() {
    double value = with_sign();
    while (true) {
      if (take('*')) {
        value *= with_sign();
      } else if (take('/')) {
        value /= with_sign();
      } else {
        return value;
      }
    }
  }

  double with_sign() {
    if (++nested_ > most_nested) {
      throw InvalidInput("it is nested too deeply");
    }
    const double value = take('-') ? -with_sign() : power();
    --nested_;
    return value;
  }

  double power() {
    const double base = operand();
    return take('^') ? std::pow(base, with_sign()) : base;
  }

  double operand() {
    if (take('(')) {
      return rest_of_parentheses();
    }
    const char c = next();
    if (is_digit(c) || c == '.') {
      return number();
    }
    if (!is_letter(c)) {
      complain("is no number, name or parenthesis");
    }
    const std::string_view word = name();
    const auto function =
        std::find_if(functions.begin(), functions.end(), [word](const Function& row) { return row.name == word; });
    if (function != functions.end() && take('(')) {
      return function->value(rest_of_parentheses());
    }
    return value_of_(word);
  }

  double rest_of_parentheses() {
    const double value = sum();
    if (!take(')')) {
      complain("should be a closing parenthesis");
    }
    return value;
  }

  double number() {
    double value = 0;
    const std::string_view rest = text_.substr(at_);
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) {
      complain("is no number in range");
    }
    at_ += static_cast<std::size_t>(stop - rest.data());
    return value;
  }

  /// Letters, digits and _, with single dots between them.
  std::string_view name() {
    const std::size_t first = at_;
    const auto is_of_name = [this](std::size_t i) {
      return i < text_.size() && (is_letter(text_[i]) || is_digit(text_[i]));
    };
    while (is_of_name(at_) || (at_ < text_.size() && text_[at_] == '.' && is_of_name(at_ + 1))) {
      ++at_;
    }
    return text_.substr(first, at_ - first);
  }

  std::string_view text_;
  const std::function<double(std::string_view)>& value_of_;
  std::size_t at_ = 0;
  int nested_ = 0;
};

}  // namespace

double evaluate(std::string_view text, const std::function<double(std::string_view name)>& value_of) {
  return Parser(text, value_of).whole();
}

}  // namespace mfld
