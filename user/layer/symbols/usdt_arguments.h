// SPDX-License-Identifier: GPL-2.0-only
// The arguments of a USDT probe: the assembler's operands, as the compiler wrote them into the note.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"

struct UsdtArgument {
	enum class Kind {
		constant, // `value`
		reg,	  // the register at offset `base` of struct pt_regs
		memory,	  // what stands at register `base` + `value` [+ register `index` * `scale`]
	};
	Kind kind = Kind::constant;
	uint8_t size = 8; // bytes: 1, 2, 4, 8
	bool is_signed = false;
	uint8_t shift = 0; // bits to shift a register's value right by: 8 for %ah and its like
	int16_t base = -1; // byte offsets into struct pt_regs of the machine; -1: none
	int16_t index = -1;
	uint8_t scale = 1; // 1, 2, 4, 8
	int64_t value = 0;
};

// Distance in bytes of a symbol's address from the probe's nop; none where there is no such symbol. For operands
// like "counter(%rip)".
using UsdtSymbolDistance = std::function<std::optional<int64_t>(std::string_view name)>;

// `text` as in the note, for machine EM_X86_64 or EM_AARCH64. Errors: another machine, an operand that it does not
// know (floating point among them); the message starts with "usdt: " and has the argument's number and text.
Result<std::vector<UsdtArgument>> parse_usdt_arguments(std::string_view text, uint16_t machine,
						       const UsdtSymbolDistance &distance = {});
