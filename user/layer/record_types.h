// SPDX-License-Identifier: GPL-2.0-only
// Which struct the records of a ring or perf buffer are, for an object that this project did not write.
#pragma once

#include "layer/btf_value.h"
#include "layer/result.h"

#include <bpf/libbpf.h>
#include <map>
#include <set>
#include <string>
#include <vector>

class RecordTypes {
	const btf *types_ = nullptr;	       // the object's
	std::map<std::string, __u32> by_map_;  // from --type
	std::map<__u32, __u32> by_size_;       // a size that one struct alone has -> its id

public:
	// `choices` are MAP=STRUCT. Error: no such map, no such struct. The object outlives the result.
	static Result<RecordTypes> open(const bpf_object *object, const std::vector<std::string> &choices);

	Cell decode(const bpf_map *map, const void *data, size_t size) const;
};
