#include "mfld/core/printable.hpp"

#include <gtest/gtest.h>

#include <string>

#include "mfld/core/random.hpp"

namespace mfld {
namespace {

TEST(Printable, UnescapingGivesBackEverySequenceOfBytes) {
  RandomStream stream(1, Purpose::split, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string text(trial % 40, ' ');
    for (char& c : text) {
      constexpr std::string_view likely = "\\x0a\n\xc3\xa9";
      const auto draw = static_cast<std::size_t>(stream());
      c = draw % 2 == 0 ? static_cast<char>(draw >> 8U) : likely[(draw >> 8U) % likely.size()];
    }
    const std::string written = escaped(text);
    EXPECT_EQ(unescaped(written), text);
    for (const char c : written) {
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << written;
    }
  }
}

TEST(Printable, ControlsAndBrokenUtf8BecomeEscapes) {
  EXPECT_EQ(escaped("a\nb\x1b[2Jc\\"), "a\\x0ab\\x1b[2Jc\\\\");
  EXPECT_EQ(escaped("gr\xf6\xdf"
                    "e"),
            "gr\\xf6\\xdfe");
  EXPECT_EQ(printable("größe \\ 中"), "größe \\ 中");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "an overlong form";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("a\u202eb\u2028c\u0085"), "a\\xe2\\x80\\xaeb\\xe2\\x80\\xa8c\\xc2\\x85");
}

TEST(Printable, ALongTextLosesItsMiddleAndNoHalfCharacter) {
  const std::string text = printable(std::string(500, 'a') + std::string(500, 'b'), 103);
  EXPECT_EQ(text, std::string(50, 'a') + "..." + std::string(50, 'b'));
  std::string accents;
  for (int k = 0; k < 300; ++k) {
    accents += "é";
  }
  for (std::size_t limit = 3; limit < 60; ++limit) {
    const std::string shown = printable(accents, limit);
    EXPECT_LE(shown.size(), limit);
    EXPECT_EQ(printable(shown, 1000), shown);
  }
}

}  // namespace
}  // namespace mfld
