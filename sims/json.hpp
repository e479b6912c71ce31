#pragma once
#include <nlohmann/json.hpp>

#include "say.hpp"

namespace commands {

/// What --json asks for, in ASCII; a byte that is not UTF-8 becomes the sign that replaces it.
inline void print_json(const nlohmann::ordered_json& value) {
  write_output(value.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

}  // namespace commands
