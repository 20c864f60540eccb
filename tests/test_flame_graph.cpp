// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include "layer/output/flame_graph.h"

namespace
{

std::vector<SampledStack> recorded()
{
	return {{{{"app", FrameKind::process}, {"main"}, {"work<int>"}}, 30},
		{{{"app", FrameKind::process}, {"main"}, {"read"}, {"vfs_read", FrameKind::kernel}}, 10},
		{{{"app", FrameKind::process}, {"main"}, {"work<int>"}}, 20},
		{{{"node", FrameKind::process}, {"a;b & \"c\"", FrameKind::jit}}, 40}};
}

size_t count_of(const std::string &text, std::string_view part)
{
	size_t count = 0;
	for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
		count++;
	return count;
}

// Every element closed in order, nothing unescaped: enough to be XML for what is written here.
bool is_well_formed(const std::string &text)
{
	std::vector<std::string> open;
	for (size_t at = 0; at < text.size(); at++) {
		if (text[at] == '&' && text.find(';', at) - at > 6)
			return false;
		if (text[at] != '<')
			continue;
		if (text.compare(at, 9, "<![CDATA[") == 0) {
			at = text.find("]]>", at) + 2;
			continue;
		}
		size_t end = text.find('>', at);
		if (end == std::string::npos)
			return false;
		std::string tag = text.substr(at + 1, end - at - 1);
		if (tag[0] == '/') {
			if (open.empty() || open.back() != tag.substr(1))
				return false;
			open.pop_back();
		} else if (tag[0] != '?' && tag.back() != '/') {
			open.push_back(tag.substr(0, tag.find(' ')));
		}
		at = end;
	}
	return open.empty();
}

void folds()
{
	CHECK_EQUAL(fold(recorded()), "app;main;read;vfs_read 10\napp;main;work<int> 50\nnode;a:b & \"c\" 40\n");
	CHECK_EQUAL(fold({}), "");
	CHECK_EQUAL(fold({{{}, 3}, {{{""}, {"x\ny"}}, 1}}), "[unknown];x y 1\n");
}

void draws_shares()
{
	std::string svg = draw_flame_graph(recorded(), {"CPU & time", "samples"});
	CHECK(is_well_formed(svg));
	CHECK_EQUAL(count_of(svg, "class=\"f\""), 8);
	CHECK(svg.find("work&lt;int&gt; (user, 50 samples, 50.00%)") != std::string::npos);
	CHECK(svg.find("vfs_read (kernel, 10 samples, 10.00%)") != std::string::npos);
	CHECK(svg.find("a;b &amp; &quot;c&quot; (compiled at run time, 40 samples, 40.00%)") != std::string::npos);
	CHECK(svg.find("width=\"590.00\"") != std::string::npos); // half of the picture
	CHECK(svg.find("CPU &amp; time") != std::string::npos);
}

void needs_nothing_else()
{
	std::string svg = draw_flame_graph(recorded());
	// the two that are there name XML's vocabularies, nobody fetches them
	CHECK_EQUAL(count_of(svg, "http"), 2);
	CHECK_EQUAL(count_of(svg, "href") + count_of(svg, "import") + count_of(svg, "src="), 0);
}

void survives_odd_names()
{
	std::string bytes;
	for (int c = 1; c < 256; c++)
		bytes += static_cast<char>(c);
	std::string svg = draw_flame_graph(
		{{{{bytes}, {"]]></script><script>alert(1)"}, {"\xed\xa0\x80 \xef\xbf\xbf \xc3\xa4"}}, 1}});
	CHECK(is_well_formed(svg));
	CHECK_EQUAL(count_of(svg, "<script"), 1);
	CHECK(svg.find("\xc3\xa4") != std::string::npos && svg.find("\xed\xa0") == std::string::npos);
	CHECK(svg.find('\x01') == std::string::npos);
}

void draws_extremes()
{
	CHECK(is_well_formed(draw_flame_graph({})));
	CHECK(is_well_formed(draw_flame_graph({{{}, 5}, {{{"x"}}, 0}})));
	SampledStack deep{{}, 1};
	for (int i = 0; i < 5000; i++)
		deep.frames.push_back({"f" + std::to_string(i)});
	CHECK(is_well_formed(draw_flame_graph({deep})));
	std::vector<SampledStack> wide;
	for (int i = 0; i < 20000; i++)
		wide.push_back({{{"f" + std::to_string(i)}}, 1});
	wide.push_back({{{"large"}}, 20000});
	std::string svg = draw_flame_graph(wide);
	CHECK(svg.size() < 100000 && svg.find(">large (") != std::string::npos);
}

const Suite suite{"flame graph",
		  {{"stacks are folded to lines", folds},
		   {"frames are as wide as their share", draws_shares},
		   {"the picture needs no other file", needs_nothing_else},
		   {"odd names do no harm", survives_odd_names},
		   {"no stack, deep stacks and many stacks are drawn", draws_extremes}}};

} // namespace
