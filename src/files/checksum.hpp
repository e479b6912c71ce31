#pragma once
#include <boost/crc.hpp>

namespace mfld::files {

/// CRC-64/XZ (ECMA-182 polynomial, reflected): finds every error that spans at most 64 bits, and misses any other with
/// probability 2^-64.
using Checksum = boost::crc_optimal<64, 0x42F0E1EBA9EA3693U, 0xFFFFFFFFFFFFFFFFU, 0xFFFFFFFFFFFFFFFFU, true, true>;

}  // namespace mfld::files
