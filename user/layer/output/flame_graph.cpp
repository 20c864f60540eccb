// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/flame_graph.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace
{

// Pixels. The script reads the same numbers from the file.
constexpr double graph_width = 1180, margin = 10, frame_height = 17, head = 62, foot = 30;
constexpr double least_width = 0.25, character_width = 6.7;

struct Color {
	int hue, saturation, lightness;
};

Color color_of(FrameKind kind)
{
	switch (kind) {
	case FrameKind::process:
		return {220, 10, 78};
	case FrameKind::user:
		return {32, 85, 66};
	case FrameKind::kernel:
		return {205, 60, 70};
	case FrameKind::jit:
		return {125, 45, 66};
	case FrameKind::unknown:
		break;
	}
	return {0, 0, 82};
}

const char *name_of(FrameKind kind)
{
	switch (kind) {
	case FrameKind::process:
		return "process";
	case FrameKind::user:
		return "user";
	case FrameKind::kernel:
		return "kernel";
	case FrameKind::jit:
		return "compiled at run time";
	case FrameKind::unknown:
		break;
	}
	return "unknown";
}

// Neighbours differ a little, and one function looks the same everywhere.
std::string fill(const StackFrame &frame)
{
	uint32_t hash = 2166136261u;
	for (unsigned char c : frame.name)
		hash = (hash ^ c) * 16777619u;
	Color color = color_of(frame.kind);
	return fmt::format("hsl({},{}%,{}%)", color.hue + static_cast<int>(hash % 15) - 7, color.saturation,
			   color.lightness + static_cast<int>(hash >> 8) % 11 - 5);
}

// A character of more than one byte, whole, at `text`; 0 where the bytes are no UTF-8.
size_t utf8_length(std::string_view text)
{
	unsigned char c = text[0];
	size_t length = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
	if (c >= 0xf5 || !length || length > text.size())
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
			return 0;
	// U+D800 to U+DFFF, overlong forms, beyond U+10FFFF, U+FFFE and U+FFFF: XML takes none of them
	unsigned char second = text[1];
	if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) ||
	    (c == 0xf4 && second > 0x8f) || text.substr(0, 3) == "\xef\xbf\xbe" || text.substr(0, 3) == "\xef\xbf\xbf")
		return 0;
	return length;
}

std::string escape(std::string_view text)
{
	std::string out;
	while (!text.empty()) {
		unsigned char c = text[0];
		size_t length = 1;
		if (c == '&')
			out += "&amp;";
		else if (c == '<')
			out += "&lt;";
		else if (c == '>')
			out += "&gt;";
		else if (c == '"')
			out += "&quot;";
		else if (c >= 0x80 && (length = utf8_length(text)))
			out += text.substr(0, length);
		else if (c < ' ' || c >= 0x7f) // XML 1.0 cannot even spell control characters
			out += '?', length = 1;
		else
			out += c;
		text.remove_prefix(length);
	}
	return out;
}

struct Node {
	StackFrame frame;
	uint64_t count = 0; // with what it calls
	uint64_t start = 0; // samples left of it
	size_t depth = 0;
	std::map<std::pair<std::string, FrameKind>, size_t> callees;
};

// All stacks as one tree; node 0 is the root, "all".
class Tree
{
	std::vector<Node> nodes_;

	size_t callee(size_t caller, const StackFrame &frame)
	{
		auto [entry, is_new] = nodes_[caller].callees.try_emplace({frame.name, frame.kind}, nodes_.size());
		size_t index = entry->second;
		if (is_new)
			nodes_.push_back({frame, 0, 0, nodes_[caller].depth + 1, {}});
		return index;
	}

      public:
	explicit Tree(const std::vector<SampledStack> &stacks)
	{
		nodes_.push_back({{"all", FrameKind::process}, 0, 0, 0, {}});
		for (const SampledStack &stack : stacks) {
			size_t at = 0;
			nodes_[0].count += stack.count;
			for (const StackFrame &frame : stack.frames) {
				at = callee(at, frame);
				nodes_[at].count += stack.count;
			}
		}
		// a callee stands behind its caller, so one pass places all
		for (Node &node : nodes_) {
			uint64_t start = node.start;
			for (const auto &[key, index] : node.callees) {
				nodes_[index].start = start;
				start += nodes_[index].count;
			}
		}
	}
	const std::vector<Node> &nodes() const { return nodes_; }
	uint64_t total() const { return nodes_[0].count; }
};

double width_of(const Node &node, uint64_t total)
{
	return total ? graph_width * static_cast<double>(node.count) / static_cast<double>(total) : graph_width;
}

std::string_view fitting(std::string_view name, double width)
{
	size_t characters = width > 6 ? static_cast<size_t>((width - 6) / character_width) : 0;
	if (characters < 3)
		return "";
	if (name.size() <= characters)
		return name;
	while (characters && (static_cast<unsigned char>(name[characters]) & 0xc0) == 0x80)
		characters--;
	return name.substr(0, characters);
}

// `s`, `n`: its place and width in samples, for the script.
std::string draw_frame(const Node &node, uint64_t total, double height, const std::string &unit)
{
	double width = width_of(node, total);
	double x = margin + (total ? graph_width * static_cast<double>(node.start) / static_cast<double>(total) : 0);
	double y = height - foot - frame_height * static_cast<double>(node.depth + 1);
	double percent = total ? 100.0 * static_cast<double>(node.count) / static_cast<double>(total) : 100;
	return fmt::format("<g class=\"f\" data-s=\"{}\" data-n=\"{}\"><title>{} ({}, {} {}, {:.2f}%)</title>"
			   "<rect x=\"{:.2f}\" y=\"{:g}\" width=\"{:.2f}\" height=\"{:g}\" fill=\"{}\"/>"
			   "<text x=\"{:.2f}\" y=\"{:g}\">{}</text></g>\n",
			   node.start, node.count, escape(node.frame.name), name_of(node.frame.kind), node.count,
			   escape(unit), percent, x, y, width, frame_height - 1, fill(node.frame), x + 3, y + 12,
			   escape(fitting(node.frame.name, width)));
}

std::string draw_legend(double height)
{
	std::string text;
	double x = margin;
	for (FrameKind kind : {FrameKind::user, FrameKind::kernel, FrameKind::jit, FrameKind::unknown}) {
		Color color = color_of(kind);
		text += fmt::format("<rect x=\"{:g}\" y=\"{:g}\" width=\"11\" height=\"11\" fill=\"hsl({},{}%,{}%)\"/>"
				    "<text x=\"{:g}\" y=\"{:g}\">{}</text>\n",
				    x, height - 21, color.hue, color.saturation, color.lightness, x + 16, height - 11,
				    name_of(kind));
		x += 16 + character_width * static_cast<double>(std::string_view(name_of(kind)).size()) + 20;
	}
	return text;
}

} // namespace

std::string fold(const std::vector<SampledStack> &stacks)
{
	std::map<std::string, uint64_t> lines;
	for (const SampledStack &stack : stacks) {
		std::string line;
		for (const StackFrame &frame : stack.frames) {
			line += line.empty() ? "" : ";";
			for (char c : frame.name.empty() ? std::string("[unknown]") : frame.name)
				line += c == ';' ? ':' : c == '\n' || c == '\r' ? ' ' : c;
		}
		if (!line.empty())
			lines[line] += stack.count;
	}
	std::string text;
	for (const auto &[line, count] : lines)
		text += fmt::format("{} {}\n", line, count);
	return text;
}

std::string draw_flame_graph(const std::vector<SampledStack> &stacks, const FlameGraphText &text)
{
	Tree tree(stacks);
	size_t deepest = 0;
	for (const Node &node : tree.nodes())
		if (width_of(node, tree.total()) >= least_width)
			deepest = std::max(deepest, node.depth);
	double width = graph_width + 2 * margin;
	double height = head + foot + frame_height * static_cast<double>(deepest + 1);

	std::string svg = fmt::format(
		"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
		"height=\"{1:g}\" "
		"data-total=\"{2}\" data-unit=\"{3}\" data-left=\"{4:g}\" data-width=\"{5:g}\" data-letter=\"{6:g}\">\n"
		"<title>{7}</title>\n<style>{8}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n"
		"<text class=\"head\" x=\"{4:g}\" y=\"24\">{7}</text>\n"
		"<text id=\"detail\" x=\"{4:g}\" y=\"48\">{2} {3}</text>\n"
		"<text id=\"reset\" class=\"button\" x=\"{9:g}\" y=\"24\">reset zoom</text>\n"
		"<foreignObject x=\"{10:g}\" y=\"8\" width=\"240\" height=\"26\"><input "
		"xmlns=\"http://www.w3.org/1999/xhtml\" id=\"search\" type=\"text\" spellcheck=\"false\" "
		"placeholder=\"search: regular expression\"/></foreignObject>\n"
		"<text id=\"matched\" x=\"{10:g}\" y=\"48\"></text>\n<g id=\"frames\">\n",
		width, height, tree.total(), escape(text.unit), margin, graph_width, character_width,
		escape(text.title), flame_graph_style, width - margin - 330, width - margin - 240);
	for (const Node &node : tree.nodes())
		if (width_of(node, tree.total()) >= least_width)
			svg += draw_frame(node, tree.total(), height, text.unit);
	svg += "</g>\n<g class=\"legend\">\n" + draw_legend(height) + "</g>\n";
	svg += fmt::format("<script><![CDATA[{}]]></script>\n</svg>\n", flame_graph_script);
	return svg;
}
