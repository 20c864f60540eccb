// SPDX-License-Identifier: GPL-2.0-only
// Mangled linker names made readable: C++ (Itanium ABI), Rust (both schemes).
#pragma once

#include <optional>
#include <string>
#include <string_view>

// The readable form of `name`, or `name` itself where it is not mangled or cannot be decoded.
// Suffixes of the compiler (".cold", ".llvm.1234", "@@GLIBCXX_3.4") are kept off the readable form,
// except those that say it is another piece of code (".cold", ".part.0", ...), which stay at the end.
std::string demangle(std::string_view name);

// A readable C++ name without its parameters, as users type it: "ns::Class::method(int) const" gives
// "ns::Class::method". Names without parameters come back as they are.
std::string_view without_parameters(std::string_view readable);

// Rust's v0 scheme ("_R..."), https://doc.rust-lang.org/rustc/symbol-mangling/v0.html.
// None where the name does not follow it. Crate hashes are left out, as rustc's own tools do by default.
std::optional<std::string> demangle_rust_v0(std::string_view name);
