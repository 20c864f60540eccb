// SPDX-License-Identifier: GPL-2.0-only
// Rust's v0 mangling, read by recursive descent; the grammar's rule names are the functions' names.
#include "layer/symbols/demangle.h"

#include <cstdint>

namespace
{

constexpr int depth_max = 200;	    // nesting and back references of a real name stay far below
constexpr size_t length_max = 8192; // back references can make a short name print without end

// Indexed by the letter's place in the alphabet.
constexpr const char *basic_types[26] = {
	"i8",	"bool", "char", "f64",	 "str",	  "f32", nullptr, "u8", "isize", "usize", nullptr, "i32", "u32",
	"i128", "u128", "_",	nullptr, nullptr, "i16", "u16",	  "()", "...",	 nullptr, "i64",   "u64", "!",
};

const char *basic_type(char tag)
{
	return tag >= 'a' && tag <= 'z' ? basic_types[tag - 'a'] : nullptr;
}

class Reader
{
	std::string_view text_;
	size_t at_ = 0;
	int depth_ = 0;
	bool failed_ = false;
	std::string out_;

	struct Nest {
		Reader &reader;
		explicit Nest(Reader &r) : reader(r) { reader.failed_ |= ++reader.depth_ > depth_max; }
		~Nest() { reader.depth_--; }
	};

	char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
	bool eat(char c) { return peek() == c && c && ++at_; }
	char next()
	{
		if (at_ >= text_.size()) {
			failed_ = true;
			return '\0';
		}
		return text_[at_++];
	}
	void print(std::string_view text)
	{
		if (out_.size() + text.size() > length_max)
			failed_ = true;
		else
			out_ += text;
	}

	uint64_t base62();
	uint64_t optional_base62(char tag) { return eat(tag) ? base62() + 1 : 0; }
	std::string_view undisambiguated_identifier();
	void identifier();
	void skip_impl_path();
	void lifetime();
	void generic_arg();
	void type();
	void reference(const char *sign);
	void tuple();
	void fn_sig();
	void dyn_bounds();
	bool path_open(bool in_type);
	void nested(bool in_type);
	void constant();
	template <class Rule> void backref(Rule rule);

      public:
	explicit Reader(std::string_view text) : text_(text) {}
	void path(bool in_type = false);
	bool failed() const { return failed_; }
	std::string &&take() { return std::move(out_); }
};

uint64_t Reader::base62()
{
	if (eat('_'))
		return 0;
	uint64_t value = 0;
	while (!failed_ && !eat('_')) {
		char c = next();
		uint64_t digit = 0;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'z')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'Z')
			digit = c - 'A' + 36;
		else
			failed_ = true;
		failed_ |= __builtin_mul_overflow(value, 62, &value) || __builtin_add_overflow(value, digit, &value);
	}
	return value + 1;
}

std::string_view Reader::undisambiguated_identifier()
{
	eat('u'); // punycode; shown as it is spelt, the letters of ASCII first
	size_t length = 0;
	if (peek() < '0' || peek() > '9') {
		failed_ = true;
		return {};
	}
	if (!eat('0'))
		while (peek() >= '0' && peek() <= '9' && length < text_.size())
			length = length * 10 + (next() - '0');
	eat('_');
	if (length > text_.size() - at_) {
		failed_ = true;
		return {};
	}
	std::string_view name = text_.substr(at_, length);
	at_ += length;
	return name;
}

void Reader::identifier()
{
	optional_base62('s');
	print(undisambiguated_identifier());
}

// The path of the module that an impl block stands in: there, but nobody wants to read it.
void Reader::skip_impl_path()
{
	std::string kept = out_;
	optional_base62('s');
	path();
	out_ = std::move(kept);
}

template <class Rule> void Reader::backref(Rule rule)
{
	size_t start = at_ - 1;
	uint64_t target = base62();
	if (failed_ || target >= start) {
		failed_ = true;
		return;
	}
	size_t back = at_;
	at_ = target;
	rule();
	at_ = back;
}

void Reader::nested(bool in_type)
{
	char space = next();
	path(in_type);
	uint64_t number = optional_base62('s');
	std::string_view name = undisambiguated_identifier();
	if (space >= 'A' && space <= 'Z') {
		print("::{");
		print(space == 'C' ? "closure" : space == 'S' ? "shim" : std::string_view(&space, 1));
		if (!name.empty()) {
			print(":");
			print(name);
		}
		print("#" + std::to_string(number) + "}");
	} else if (!name.empty()) {
		print("::");
		print(name);
	}
}

// Prints a path; where it ended in open generic arguments ("Iterator<Item"), the closing '>' is left to the
// caller, for a dyn trait's associated types go into the same brackets. True means: left open.
bool Reader::path_open(bool in_type)
{
	if (peek() != 'I') {
		path(in_type);
		return false;
	}
	at_++;
	path(true);
	print("<");
	for (bool first = true; !failed_ && !eat('E'); first = false) {
		print(first ? "" : ", ");
		generic_arg();
	}
	return true;
}

void Reader::path(bool in_type)
{
	Nest nest(*this);
	if (failed_)
		return;
	switch (next()) {
	case 'C':
		return identifier();
	case 'N':
		return nested(in_type);
	case 'M':
		skip_impl_path();
		print("<");
		type();
		return print(">");
	case 'X':
		skip_impl_path();
		[[fallthrough]];
	case 'Y':
		print("<");
		type();
		print(" as ");
		path(true);
		return print(">");
	case 'I':
		at_--;
		if (!in_type) { // values spell it with the turbofish, f::<T>
			at_++;
			path(false);
			print("::<");
			for (bool first = true; !failed_ && !eat('E'); first = false) {
				print(first ? "" : ", ");
				generic_arg();
			}
		} else {
			path_open(true);
		}
		return print(">");
	case 'B':
		return backref([&] { path(in_type); });
	}
	failed_ = true;
}

void Reader::lifetime()
{
	base62(); // which one it is would need the names of the binders around it: "'_" reads well enough
	print("'_");
}

void Reader::generic_arg()
{
	if (eat('L'))
		lifetime();
	else if (eat('K'))
		constant();
	else
		type();
}

void Reader::reference(const char *sign)
{
	print("&");
	if (eat('L'))
		base62();
	print(sign);
	type();
}

void Reader::tuple()
{
	print("(");
	int count = 0;
	for (; !failed_ && !eat('E'); count++) {
		print(count ? ", " : "");
		type();
	}
	print(count == 1 ? ",)" : ")");
}

void Reader::fn_sig()
{
	optional_base62('G');
	if (eat('U'))
		print("unsafe ");
	if (eat('K')) {
		print("extern \"");
		if (eat('C'))
			print("C");
		else
			print(undisambiguated_identifier());
		print("\" ");
	}
	print("fn(");
	for (bool first = true; !failed_ && !eat('E'); first = false) {
		print(first ? "" : ", ");
		type();
	}
	print(")");
	if (eat('u'))
		return;
	print(" -> ");
	type();
}

void Reader::dyn_bounds()
{
	print("dyn ");
	optional_base62('G');
	for (bool first = true; !failed_ && !eat('E'); first = false) {
		print(first ? "" : " + ");
		bool open = path_open(true);
		while (!failed_ && eat('p')) {
			print(open ? ", " : "<");
			open = true;
			print(undisambiguated_identifier());
			print(" = ");
			type();
		}
		print(open ? ">" : "");
	}
	if (!eat('L'))
		failed_ = true;
	else
		base62();
}

void Reader::type()
{
	Nest nest(*this);
	if (failed_)
		return;
	char tag = next();
	if (const char *name = basic_type(tag))
		return print(name);
	switch (tag) {
	case 'A':
	case 'S':
		print("[");
		type();
		if (tag == 'A') {
			print("; ");
			constant();
		}
		return print("]");
	case 'T':
		return tuple();
	case 'R':
	case 'Q':
		return reference(tag == 'Q' ? "mut " : "");
	case 'P':
	case 'O':
		print(tag == 'P' ? "*const " : "*mut ");
		return type();
	case 'F':
		return fn_sig();
	case 'D':
		return dyn_bounds();
	case 'B':
		return backref([&] { type(); });
	}
	if (!failed_)
		at_--;
	path(true);
}

void Reader::constant()
{
	Nest nest(*this);
	if (failed_)
		return;
	char tag = next();
	if (tag == 'p')
		return print("_");
	if (tag == 'B')
		return backref([&] { constant(); });
	if (!basic_type(tag)) { // structs and the like as constants are unstable Rust
		failed_ = true;
		return;
	}
	if (eat('n'))
		print("-");
	size_t end = text_.find('_', at_);
	if (end == std::string_view::npos || text_.find_first_not_of("0123456789abcdef", at_) != end) {
		failed_ = true;
		return;
	}
	std::string hex(text_.substr(at_, end - at_));
	at_ = end + 1;
	if (tag == 'b')
		print(hex == "0" || hex.empty() ? "false" : "true");
	else if (hex.size() > 16)
		print("0x" + hex);
	else
		print(std::to_string(hex.empty() ? 0 : std::stoull(hex, nullptr, 16)));
}

} // namespace

std::optional<std::string> demangle_rust_v0(std::string_view name)
{
	if (name.size() < 3 || name.substr(0, 2) != "_R")
		return {};
	// back references count from behind "_R"
	Reader reader(name.substr(2));
	reader.path();
	if (reader.failed())
		return {};
	return reader.take();
}
