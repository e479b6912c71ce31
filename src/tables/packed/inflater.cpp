#include "tables/packed/inflater.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace mfld::tables {

namespace {

constexpr int window_bits(Packing packing) { return packing == Packing::gzip ? 16 + MAX_WBITS : -MAX_WBITS; }

}  // namespace

Inflater::Inflater(const Source& source, std::unique_ptr<ByteSource> packed, Packing packing)
    : source_(source), packed_(std::move(packed)), packing_(packing), input_(std::size_t{1} << 16U) {
  if (::inflateInit2(&stream_, window_bits(packing)) != Z_OK) {
    throw std::bad_alloc();
  }
}

Inflater::~Inflater() { ::inflateEnd(&stream_); }

double Inflater::expected_size() const { return packed_->expected_size() * num_given_ / std::max(num_packed_, 1.0); }

std::size_t Inflater::read(std::span<char> buffer) {
  source_.go_on_unless_stopped();
  constexpr std::size_t most = std::size_t{1} << 20U;  // counts of zlib are narrow
  const std::size_t wanted = std::min(buffer.size(), most);
  stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
  stream_.avail_out = static_cast<uInt>(wanted);
  while (stream_.avail_out == wanted && !ended_) {
    if (stream_.avail_in == 0 && !refill()) {
      throw source_.file_error("it ends within its compressed data");
    }
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      end_of_stream();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      throw source_.file_error(
          fmt::format("its compressed data are damaged, or none ({})", stream_.msg != nullptr ? stream_.msg : "zlib"));
    }
  }
  const std::size_t count = wanted - stream_.avail_out;
  num_given_ += static_cast<double>(count);
  return count;
}

bool Inflater::refill() {
  const std::size_t count = packed_->read(input_);
  stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
  stream_.avail_in = static_cast<uInt>(count);
  num_packed_ += static_cast<double>(count);
  return count > 0;
}

/// Zeros may fill up the last block of a tape; anything else must be another file.
void Inflater::end_of_stream() {
  if (packing_ == Packing::deflate) {
    ended_ = true;
    return;
  }
  do {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    ended_ = stream_.avail_in == 0 && !refill();
  } while (!ended_ && *stream_.next_in == 0);
  if (!ended_) {
    ::inflateReset(&stream_);
  }
}

}  // namespace mfld::tables
