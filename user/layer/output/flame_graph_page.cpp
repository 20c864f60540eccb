// SPDX-License-Identifier: GPL-2.0-only
// The style and the script of a flame graph. The picture is complete without the script; it zooms and searches.
#include "layer/output/flame_graph.h"

const char flame_graph_style[] = R"css(
text { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #222; }
.back { fill: #fbfaf7; }
.head { font-size: 16px; font-weight: 600; }
.f { cursor: pointer; }
.f text { pointer-events: none; }
.f:hover rect { stroke: #222; stroke-width: 1; }
.f.outer rect { opacity: 0.45; }
.f.match rect { fill: #d2308f; }
.f.match text { fill: #fff; }
.f.gone { display: none; }
.button { cursor: pointer; text-decoration: underline; visibility: hidden; }
.zoomed .button { visibility: visible; }
#search { box-sizing: border-box; width: 100%; height: 22px; font: 12px ui-monospace, monospace; }
)css";

const char flame_graph_script[] = R"js(
'use strict';
(function () {
	const svg = document.documentElement, data = svg.dataset;
	const total = +data.total || 1, left = +data.left, width = +data.width, letter = +data.letter;
	const detail = document.getElementById('detail'), matched = document.getElementById('matched');
	const search = document.getElementById('search'), reset = document.getElementById('reset');
	const rest = detail.textContent;
	const frames = Array.from(document.querySelectorAll('.f'), function (g) {
		const title = g.querySelector('title').textContent;
		return {
			g: g, rect: g.querySelector('rect'), text: g.querySelector('text'), title: title,
			name: title.replace(/ \([^(]*\)$/, ''),
			start: +g.dataset.s, count: +g.dataset.n, y: +g.querySelector('rect').getAttribute('y')
		};
	});

	function place(frame, x, w) {
		const room = Math.floor((w - 6) / letter), letters = Array.from(frame.name);
		frame.rect.setAttribute('x', x);
		frame.rect.setAttribute('width', Math.max(w, 0.1));
		frame.text.setAttribute('x', x + 3);
		frame.text.textContent = room < 3 ? '' : letters.slice(0, room).join('');
	}

	// Makes `to` as wide as the picture; what it was called by stays below it, at full width.
	function zoom(to) {
		const end = to.start + to.count;
		frames.forEach(function (frame) {
			const outer = frame.y > to.y && frame.start <= to.start && frame.start + frame.count >= end;
			const inner = frame.y <= to.y && frame.start >= to.start && frame.start + frame.count <= end;
			frame.g.classList.toggle('outer', outer);
			frame.g.classList.toggle('gone', !outer && !inner);
			if (outer)
				place(frame, left, width);
			else if (inner)
				place(frame, left + width * (frame.start - to.start) / (to.count || 1), width * frame.count / (to.count || 1));
		});
		svg.classList.toggle('zoomed', to !== frames[0]);
	}

	// Marks what matches, and adds up what it covers: a frame above one that matched counts once.
	function find() {
		let expression = null, covered = 0, behind = 0;
		matched.textContent = '';
		try {
			expression = search.value ? new RegExp(search.value) : null;
		} catch (error) {
			matched.textContent = 'not a regular expression';
		}
		const hits = frames.filter(function (frame, i) {
			const hit = expression !== null && i > 0 && expression.test(frame.name);
			frame.g.classList.toggle('match', hit);
			return hit;
		});
		hits.sort(function (a, b) { return a.start - b.start || b.count - a.count; });
		hits.forEach(function (frame) {
			if (frame.start >= behind) {
				covered += frame.count;
				behind = frame.start + frame.count;
			}
		});
		if (expression)
			matched.textContent = 'matched: ' + (100 * covered / total).toFixed(2) + '% (' + covered + ' ' + data.unit + ')';
	}

	frames.forEach(function (frame) {
		frame.g.addEventListener('click', function () { zoom(frame); });
		frame.g.addEventListener('mouseenter', function () { detail.textContent = frame.title; });
		frame.g.addEventListener('mouseleave', function () { detail.textContent = rest; });
	});
	reset.addEventListener('click', function () { zoom(frames[0]); });
	search.addEventListener('input', find);
	window.addEventListener('keydown', function (event) {
		if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
			event.preventDefault();
			search.focus();
			search.select();
		} else if (event.key === 'Escape') {
			search.value = '';
			find();
			zoom(frames[0]);
		}
	});
})();
)js";
