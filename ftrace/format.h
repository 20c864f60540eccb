// SPDX-License-Identifier: GPL-2.0-only
// Format: what events/CATEGORY/NAME/format says about an event's record.
//
// Nothing is assumed: the common header has 8 or 12 bytes, fields need not be aligned.
#pragma once

#include "layer/result.h"

#include <string>
#include <string_view>
#include <vector>

struct Field {
	std::string type; // as written: "const char *", "__data_loc char[]"
	std::string name;
	unsigned offset = 0; // bytes from the record's start
	unsigned size = 0;   // bytes
	unsigned count = 0;  // elements of an array; 0: no array (or one whose length the record tells)
	bool is_signed = false;
	bool data_loc = false; // four bytes: length << 16 | offset of the data in the record

	bool is_string() const; // char[], in the record or behind a data_loc
};

struct Format {
	std::string name;
	int id = 0;
	std::vector<Field> common; // common_type, common_pid ..
	std::vector<Field> fields; // the event's own

	// One of the event's own or of the common ones; nullptr: none of that name.
	const Field *find(std::string_view field) const;
	// The field that has exactly these bytes; nullptr: none.
	const Field *at(unsigned offset, unsigned size) const;
	unsigned header_size() const; // bytes of the common fields
	unsigned size() const;	      // bytes of the fixed part
};

// `text` is the whole file. An error names the line that is not understood.
Result<Format> parse_format(std::string_view text);
