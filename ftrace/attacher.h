// SPDX-License-Identifier: GPL-2.0-only
// Attaching: from a program and its hook to a plan, from the plan to probes and perf events, from their records back to the
// program.
#pragma once

#include "ftrace/attachments.h"
#include "ftrace/detect.h"
#include "ftrace/objects.h"
#include "ftrace/packets.h"
#include "ftrace/plan.h"
#include "layer/engine/hook.h"
#include "layer/engine/tracefs.h"

#include <map>
#include <memory>
#include <optional>

class Attacher {
	Objects &objects_;
	Tracefs files_;
	Probes probes_;
	Tally tally_;
	std::optional<Kernel> kernel_;
	std::unique_ptr<Capture> capture_;
	Stage stage_;
	Dispatch dispatch_;
	std::vector<Packets> packets_;
	uint64_t packets_lost_ = 0;
	std::weak_ptr<Attachment> witness_; // shared by those that need it
	std::map<uint32_t, uint64_t> current_; // by CPU; empty until somebody needs it
	std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // each attachment has a copy
	bool was_attached_ = false;
	bool asked_lost_ = false;

	Result<Capture *> capture();
	bool is_attached() const { return alive_.use_count() > 1; }
	Result<Plan> plan(const ProgramObject &program, const Hook &hook);
	Result<std::unique_ptr<Attachment>> attach_socket(const ProgramObject &program, const Hook &hook);
	Result<Format> format_of(const std::string &event);
	std::string tracepoint_of(const Hook &hook) const;
	Result<void> open(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment);
	Result<void> open_event(const ProgramObject *program, const Hook &hook, const Plan &plan, const std::string &event,
				std::vector<uint32_t> cpus, Attachment &attachment);
	Result<void> open_probe(const ProgramObject *program, const Hook &hook, const Plan &plan, const std::string &place,
				Attachment &attachment);
	Result<void> open_uprobe(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment);
	std::shared_ptr<Attachment> open_witness(const Hook &hook, const Plan &plan);
	Result<void> open_clock(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment);

public:
	Attacher(Objects &objects, Tracefs files);
	~Attacher();

	const Kernel &kernel();
	Result<void> supports(const Hook &hook);
	// Is there a plan for it?
	Result<void> check(const ProgramObject &program, const Hook &hook);
	Result<std::unique_ptr<Attachment>> attach(const ProgramObject &program, const Hook &hook);

	// As Engine's.
	int fd() const { return capture_ ? capture_->fd() : -1; }
	bool process();
	uint64_t lost() const;
	int printed() { return stage_.printed.fd(); }
};
