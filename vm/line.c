// SPDX-License-Identifier: GPL-2.0-only
/* How messages name an instruction: index, text, and the source line where the program brought any. */
#include "disasm.h"
#include "internal.h"

static const char *string_at(const struct vm_program *program, u32 offset)
{
	return offset < program->strings_size ? program->strings + offset : "";
}

/* The last line record at or before the instruction; they are sorted, but nothing depends on it. */
static const struct vm_line *line_of(const struct vm_program *program, u32 insn)
{
	const struct vm_line *found = NULL;
	u32 i;

	for (i = 0; i < program->line_count; i++)
		if (program->lines[i].insn <= insn && (!found || program->lines[i].insn >= found->insn))
			found = &program->lines[i];
	return found;
}

static const char *base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

int vm_insn_describe(const struct vm_program *program, u32 insn, char *out, unsigned size)
{
	const struct vm_line *line;
	char text[96];

	if (insn >= program->insn_count)
		return port_format(out, size, "end of the program");
	vm_disasm(&program->insns[insn], insn, text, sizeof(text));
	line = line_of(program, insn);
	if (!line)
		return port_format(out, size, "insn %u `%s`", insn, text);
	return port_format(out, size, "insn %u `%s` at %s:%u", insn, text, base_name(string_at(program, line->file)),
			   line->line_column >> 10);
}
