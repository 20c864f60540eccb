// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/usdt_arguments.h"

#include <algorithm>
#include <elf.h>

namespace
{

struct Register {
	int16_t offset; // in struct pt_regs
	uint8_t shift;
};

struct X86Register {
	const char *names[5]; // 64, 32, 16, 8 bits, second byte
	int16_t offset;
};

// arch/x86/include/uapi/asm/ptrace.h
constexpr X86Register x86_registers[] = {
	{{"rax", "eax", "ax", "al", "ah"}, 80},	   {{"rbx", "ebx", "bx", "bl", "bh"}, 40},
	{{"rcx", "ecx", "cx", "cl", "ch"}, 88},	   {{"rdx", "edx", "dx", "dl", "dh"}, 96},
	{{"rsi", "esi", "si", "sil", ""}, 104},	   {{"rdi", "edi", "di", "dil", ""}, 112},
	{{"rbp", "ebp", "bp", "bpl", ""}, 32},	   {{"rsp", "esp", "sp", "spl", ""}, 152},
	{{"r8", "r8d", "r8w", "r8b", ""}, 72},	   {{"r9", "r9d", "r9w", "r9b", ""}, 64},
	{{"r10", "r10d", "r10w", "r10b", ""}, 56}, {{"r11", "r11d", "r11w", "r11b", ""}, 48},
	{{"r12", "r12d", "r12w", "r12b", ""}, 24}, {{"r13", "r13d", "r13w", "r13b", ""}, 16},
	{{"r14", "r14d", "r14w", "r14b", ""}, 8},  {{"r15", "r15d", "r15w", "r15b", ""}, 0},
	{{"rip", "eip", "", "", ""}, 128},
};
constexpr int16_t x86_ip = 128;

// arch/arm64/include/uapi/asm/ptrace.h: regs[31], sp, pc
constexpr int16_t arm64_sp = 248, arm64_pc = 256;

std::optional<Register> x86_register(std::string_view name)
{
	for (const X86Register &known : x86_registers)
		for (size_t i = 0; i < std::size(known.names); i++)
			if (!name.empty() && name == known.names[i])
				return Register{known.offset, static_cast<uint8_t>(i == 4 ? 8 : 0)};
	return {};
}

std::optional<Register> arm64_register(std::string_view name)
{
	if (name == "sp" || name == "wsp")
		return Register{arm64_sp, 0};
	if (name == "pc")
		return Register{arm64_pc, 0};
	if (name.size() < 2 || name.size() > 3 || (name[0] != 'x' && name[0] != 'w'))
		return {};
	int number = 0;
	for (char c : name.substr(1)) {
		if (c < '0' || c > '9')
			return {};
		number = number * 10 + (c - '0');
	}
	if (number > 30)
		return {};
	return Register{static_cast<int16_t>(number * 8), 0};
}

// Takes pieces off the front of one operand.
class Scanner
{
	std::string_view rest_;

      public:
	explicit Scanner(std::string_view text) : rest_(text) {}
	void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
	bool is_end()
	{
		skip_spaces();
		return rest_.empty();
	}
	char peek()
	{
		skip_spaces();
		return rest_.empty() ? '\0' : rest_[0];
	}
	bool eat(char c)
	{
		if (peek() != c)
			return false;
		rest_.remove_prefix(1);
		return true;
	}
	std::string_view word()
	{
		skip_spaces();
		size_t length = 0;
		while (length < rest_.size() && (isalnum(static_cast<unsigned char>(rest_[length])) ||
						 rest_[length] == '_' || rest_[length] == '.' || rest_[length] == '@'))
			length++;
		std::string_view word = rest_.substr(0, length);
		rest_.remove_prefix(length);
		return word;
	}
	// A decimal or hexadecimal number that may have a sign.
	std::optional<int64_t> number()
	{
		bool negative = eat('-');
		if (!negative)
			eat('+');
		std::string digits(word());
		char *end = nullptr;
		if (digits.empty() || digits[0] < '0' || digits[0] > '9')
			return {};
		errno = 0;
		uint64_t value = strtoull(digits.c_str(), &end, digits.substr(0, 2) == "0x" ? 16 : 10);
		if (*end || errno)
			return {};
		return static_cast<int64_t>(negative ? 0 - value : value);
	}
};

class Parser
{
	Scanner in_;
	uint16_t machine_;
	const UsdtSymbolDistance &distance_;
	UsdtArgument argument_;
	bool has_symbol_ = false; // `value` counts from the probe's nop

	bool displacement();
	bool x86();
	bool x86_address();
	bool take_x86_register(Register &found);
	bool arm64();
	bool arm64_address();

      public:
	Parser(std::string_view operand, uint16_t machine, const UsdtSymbolDistance &distance, uint8_t size,
	       bool is_signed)
	    : in_(operand), machine_(machine), distance_(distance)
	{
		argument_.size = size;
		argument_.is_signed = is_signed;
	}
	std::optional<UsdtArgument> parse()
	{
		if (!(machine_ == EM_X86_64 ? x86() : arm64()) || !in_.is_end())
			return {};
		return argument_;
	}
};

// A sum of numbers and at most one symbol: "-8", "stock+4", "-16+stock".
bool Parser::displacement()
{
	uint64_t sum = 0;
	for (bool first = true;; first = false) {
		char c = in_.peek();
		if (c == '(' || !c)
			break;
		if (!first && c != '+' && c != '-')
			return false;
		Scanner before = in_;
		if (std::optional<int64_t> number = in_.number()) {
			sum += static_cast<uint64_t>(*number);
			continue;
		}
		in_ = before;
		in_.eat('+');
		std::string_view symbol = in_.word();
		std::optional<int64_t> distance;
		if (symbol.empty() || has_symbol_ || !distance_ || !(distance = distance_(symbol)))
			return false;
		has_symbol_ = true;
		sum += static_cast<uint64_t>(*distance);
	}
	argument_.value = static_cast<int64_t>(sum);
	return true;
}

bool Parser::take_x86_register(Register &found)
{
	std::optional<Register> known = in_.eat('%') ? x86_register(in_.word()) : std::nullopt;
	if (known)
		found = *known;
	return known.has_value();
}

// "(%base)", "(%base,%index,scale)", "(,%index,scale)", or nothing behind a symbol.
bool Parser::x86_address()
{
	argument_.kind = UsdtArgument::Kind::memory;
	Register found{-1, 0};
	if (in_.eat('(')) {
		if (in_.peek() == '%') {
			if (!take_x86_register(found) || found.shift)
				return false;
			argument_.base = found.offset;
		}
		if (in_.eat(',')) {
			if (!take_x86_register(found) || found.shift)
				return false;
			argument_.index = found.offset;
			if (in_.eat(',')) {
				int64_t scale = in_.number().value_or(0);
				if (scale != 1 && scale != 2 && scale != 4 && scale != 8)
					return false;
				argument_.scale = scale;
			}
		}
		if (!in_.eat(')'))
			return false;
	}
	if (!has_symbol_)
		return argument_.base >= 0 || argument_.index >= 0;
	// A symbol stands at a fixed distance from the nop, so ip takes part, wherever the file is loaded.
	if (argument_.base == x86_ip)
		return true;
	if (argument_.base < 0)
		argument_.base = x86_ip;
	else if (argument_.index < 0)
		argument_.index = x86_ip;
	else
		return false;
	return true;
}

bool Parser::x86()
{
	if (in_.eat('$')) {
		std::optional<int64_t> number = in_.number();
		argument_.value = number.value_or(0);
		return number.has_value();
	}
	if (in_.peek() == '%') {
		Register found{-1, 0};
		if (!take_x86_register(found))
			return false;
		argument_.kind = UsdtArgument::Kind::reg;
		argument_.base = found.offset;
		argument_.shift = found.shift;
		return true;
	}
	return displacement() && x86_address();
}

// "[x0]", "[x0, 16]", "[x0, x1]", "[x0, x1, lsl 3]"
bool Parser::arm64_address()
{
	argument_.kind = UsdtArgument::Kind::memory;
	std::optional<Register> base = arm64_register(in_.word());
	if (!base)
		return false;
	argument_.base = base->offset;
	if (in_.eat(',')) {
		in_.eat('#');
		Scanner before = in_;
		if (std::optional<Register> index = arm64_register(in_.word())) {
			argument_.index = index->offset;
			if (in_.eat(',')) {
				if (in_.word() != "lsl")
					return false;
				in_.eat('#');
				int64_t shift = in_.number().value_or(-1);
				if (shift < 0 || shift > 4)
					return false;
				argument_.scale = 1 << shift;
			}
		} else {
			in_ = before;
			std::optional<int64_t> offset = in_.number();
			if (!offset)
				return false;
			argument_.value = *offset;
		}
	}
	return in_.eat(']');
}

bool Parser::arm64()
{
	if (in_.eat('['))
		return arm64_address();
	in_.eat('#');
	Scanner before = in_;
	if (std::optional<int64_t> number = in_.number()) {
		argument_.value = *number;
		return true;
	}
	in_ = before;
	std::string_view name = in_.word();
	if (name == "xzr" || name == "wzr") // the register that is always zero
		return true;
	std::optional<Register> found = arm64_register(name);
	if (!found)
		return false;
	argument_.kind = UsdtArgument::Kind::reg;
	argument_.base = found->offset;
	return true;
}

// The end of the argument at the start of `text`: a space, but not one within brackets.
size_t argument_end(std::string_view text)
{
	int depth = 0;
	for (size_t i = 0; i < text.size(); i++) {
		if (text[i] == '(' || text[i] == '[')
			depth++;
		else if (text[i] == ')' || text[i] == ']')
			depth--;
		else if (text[i] == ' ' && depth <= 0)
			return i;
	}
	return text.size();
}

Error argument_error(size_t number, std::string_view text, const char *reason)
{
	return {"usdt: failed to parse argument " + std::to_string(number) + " (" + std::string(text) + "): " + reason,
		EINVAL};
}

} // namespace

Result<std::vector<UsdtArgument>> parse_usdt_arguments(std::string_view text, uint16_t machine,
						       const UsdtSymbolDistance &distance)
{
	if (machine != EM_X86_64 && machine != EM_AARCH64)
		return Error{"usdt: arguments are understood for x86-64 and aarch64 only, not for machine " +
				     std::to_string(machine),
			     ENOTSUP};
	std::vector<UsdtArgument> arguments;
	for (;;) {
		text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
		if (text.empty())
			return arguments;
		std::string_view one = text.substr(0, argument_end(text)), operand = one;
		text.remove_prefix(one.size());

		// size and sign stand before the '@'; notes of the oldest sys/sdt.h have neither
		int64_t size = 8;
		size_t sign = one.find('@');
		if (sign != std::string_view::npos) {
			operand = one.substr(sign + 1);
			if (one.substr(0, sign).find('f') != std::string_view::npos)
				return argument_error(arguments.size() + 1, one, "floating point is not supported");
			size = Scanner(one.substr(0, sign)).number().value_or(0);
		}
		uint64_t bytes = size < 0 ? 0 - static_cast<uint64_t>(size) : size;
		if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
			return argument_error(arguments.size() + 1, one, "its size is not 1, 2, 4 or 8");
		auto argument = Parser(operand, machine, distance, bytes, size < 0).parse();
		if (!argument)
			return argument_error(arguments.size() + 1, one, "unknown kind of operand");
		arguments.push_back(*argument);
	}
}
