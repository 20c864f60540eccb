// SPDX-License-Identifier: GPL-2.0-only
// Stacks that were sampled, as text for other tools or as a picture for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

enum class FrameKind { process, user, kernel, jit, unknown };

struct StackFrame {
	std::string name;
	FrameKind kind = FrameKind::user;
};

struct SampledStack {
	std::vector<StackFrame> frames; // outermost first
	uint64_t count = 0;		// samples
};

// A line "outermost;...;innermost COUNT" per stack, equal ones added up, sorted. Within names ';' becomes ':' and line
// ends become spaces, for both mean something here. Stacks without frames are left out.
std::string fold(const std::vector<SampledStack> &stacks);

struct FlameGraphText {
	std::string title = "Flame graph";
	std::string unit = "samples"; // what `count` counts
};

// One self-contained SVG: frames as wide as their share of all samples, kinds told apart by colour, callers below
// callees. Opened in a browser: tooltips, a click zooms in, Ctrl-F or the field searches by regular expression and says
// how much of all samples matches. Needs no network. Frames narrower than a quarter of a pixel are left out.
std::string draw_flame_graph(const std::vector<SampledStack> &stacks, const FlameGraphText &text = {});

// What the picture's script and style are; flame_graph_page.cpp holds them.
extern const char flame_graph_style[];
extern const char flame_graph_script[];
