// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads test vectors and runs them in a place. A vector starts with `== name`; lines with `@` say what
 * surrounds the program and what is expected, all others are the program:
 *
 *   @map hash 4 8 16 [flags]   @inner N (the last map holds maps like map N)   @frozen
 *   @element MAP KEY VALUE     what is in a map before; after `@then`, what must be in it at the end
 *   @context BYTES  @after BYTES  @packet BYTES  @type N  @budget N
 *   @result N  @refused TEXT  @fails TEXT  @only-vm  @unchecked
 *   @pretended                 the result is what place_vm.c says of time, task and stack
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "vm/disasm.h"

static const struct {
	const char *name;
	u32 type;
} map_names[] = {{"hash", VM_MAP_HASH},
		 {"array", VM_MAP_ARRAY},
		 {"programs", VM_MAP_PROG_ARRAY},
		 {"perf_events", VM_MAP_PERF_EVENT_ARRAY},
		 {"percpu_hash", VM_MAP_PERCPU_HASH},
		 {"percpu_array", VM_MAP_PERCPU_ARRAY},
		 {"stack_trace", VM_MAP_STACK_TRACE},
		 {"lru_hash", VM_MAP_LRU_HASH},
		 {"lru_percpu_hash", VM_MAP_LRU_PERCPU_HASH},
		 {"lpm", VM_MAP_LPM_TRIE},
		 {"array_of_maps", VM_MAP_ARRAY_OF_MAPS},
		 {"hash_of_maps", VM_MAP_HASH_OF_MAPS},
		 {"queue", VM_MAP_QUEUE},
		 {"stack", VM_MAP_STACK},
		 {"ringbuf", VM_MAP_RINGBUF}};

/* Bytes in hexadecimal, blanks between them free; how many. */
static u32 read_bytes(const char *text, u8 *bytes, u32 max)
{
	u32 count = 0;
	unsigned byte;

	for (; *text && count < max; text += 2) {
		text += strspn(text, " \t");
		if (sscanf(text, "%2x", &byte) != 1)
			break;
		bytes[count++] = byte;
	}
	return count;
}

static int read_map(struct test_case *test, const char *line)
{
	struct case_map *map = &test->maps[test->map_count++];
	char name[24];

	map->inner = -1;
	if (sscanf(line, "@map %23s %u %u %u %x", name, &map->key_size, &map->value_size, &map->max_entries,
		   &map->flags) < 4)
		return -1;
	for (u32 i = 0; i < sizeof(map_names) / sizeof(*map_names); i++)
		if (!strcmp(name, map_names[i].name))
			map->type = map_names[i].type;
	return map->type ? 0 : -1;
}

static int read_element(struct test_case *test, const char *line, int then)
{
	struct element *element = then ? &test->elements[test->element_count++] : &test->before[test->before_count++];
	char key[64], value[160];
	unsigned map;

	if (sscanf(line, "@element %u %63s %159[^\n]", &map, key, value) != 3)
		return -1;
	memset(element, 0, sizeof(*element));
	element->map = map;
	read_bytes(key, element->key, KEY_MAX);
	read_bytes(value, element->value, VALUE_MAX);
	return 0;
}

static int directive(struct test_case *test, const char *line, int *then)
{
	const char *rest = strchr(line, ' ');

	rest = rest ? rest + 1 : "";
	if (!strncmp(line, "@map ", 5))
		return read_map(test, line);
	if (!strncmp(line, "@inner ", 7))
		return test->maps[test->map_count - 1].inner = atoi(rest), 0;
	if (!strcmp(line, "@frozen"))
		return test->maps[test->map_count - 1].frozen = 1, 0;
	if (!strcmp(line, "@then"))
		return *then = 1, 0;
	if (!strncmp(line, "@element ", 9))
		return read_element(test, line, *then);
	if (!strncmp(line, "@context ", 9))
		return test->context_size = read_bytes(rest, test->context, CONTEXT_MAX), 0;
	if (!strncmp(line, "@after ", 7))
		return test->has_after = 1, read_bytes(rest, test->after, CONTEXT_MAX) == test->context_size ? 0 : -1;
	if (!strncmp(line, "@packet ", 8))
		return test->packet_size = read_bytes(rest, test->packet, PACKET_MAX), 0;
	if (!strncmp(line, "@type ", 6))
		return test->type = atoi(rest), 0;
	if (!strncmp(line, "@budget ", 8))
		return test->budget = atoi(rest), 0;
	if (!strncmp(line, "@result ", 8))
		return test->has_result = 1, test->result = strtoull(rest, NULL, 0), 0;
	if (!strncmp(line, "@refused ", 9))
		return test->only_vm = 1, snprintf(test->refused, sizeof(test->refused), "%s", rest), 0;
	if (!strncmp(line, "@fails ", 7))
		return test->only_vm = 1, snprintf(test->failed, sizeof(test->failed), "%s", rest), 0;
	if (!strncmp(line, "@only-vm", 8))
		return test->only_vm = 1, 0;
	if (!strcmp(line, "@pretended"))
		return test->only_vm = test->pretended = 1, 0;
	if (!strcmp(line, "@unchecked"))
		return test->only_vm = 1, test->load_flags = VM_LOAD_UNCHECKED, 0;
	return -1;
}

/* The next vector at *text; 1, or 0 at the end, or -1 and a message. */
int read_case(const char **text, struct test_case *test, char *error, u32 error_size)
{
	static char program[65536], line[512];
	int then = 0, started = 0;
	u32 length, used = 0;

	memset(test, 0, sizeof(*test));
	test->type = VM_PROGRAM_SYSCALL;
	test->context_size = 8;
	program[0] = '\0';
	while (**text) {
		if (started && !strncmp(*text, "== ", 3))
			break;
		length = strcspn(*text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, *text + strspn(*text, " \t"));
		line[strcspn(line, "\n")] = '\0';
		*text += length + ((*text)[length] == '\n');
		if (!strncmp(line, "== ", 3)) {
			snprintf(test->name, sizeof(test->name), "%.95s", line + 3);
			started = 1;
		} else if (line[0] == '@') {
			if (directive(test, line, &then))
				return snprintf(error, error_size, "%s: cannot read `%s`", test->name, line), -1;
		} else if (line[0] && line[0] != '#') {
			used += snprintf(program + used, sizeof(program) - used, "%s\n", line);
		}
	}
	if (!started)
		return 0;
	qsort(test->elements, test->element_count, sizeof(struct element), compare_elements);
	if (assemble(program, test->insns, CASE_INSNS, &test->insn_count, line, sizeof(line)))
		return snprintf(error, error_size, "%s: %s", test->name, line), -1;
	return 1;
}

void print_case(const struct test_case *test)
{
	char text[160];

	for (u32 i = 0; i < test->insn_count;) {
		int used = vm_disasm(&test->insns[i], i, text, sizeof(text));

		printf("    %4u: %s\n", i, text);
		i += used;
	}
}

static int complain(const struct test_case *test, const struct place *place, const char *what)
{
	printf("  FAIL %s: %s: %s\n", place->name, test->name, what);
	return 0;
}

/* Elements are compared only for maps of which some are expected. */
static int elements_match(const struct test_case *test, const struct outcome *outcome)
{
	u32 seen = 0, i, map;

	for (i = 0; i < outcome->element_count; i++) {
		for (map = 0; map < test->element_count && test->elements[map].map != outcome->elements[i].map;)
			map++;
		if (map == test->element_count)
			continue;
		if (seen == test->element_count ||
		    memcmp(&test->elements[seen], &outcome->elements[i], sizeof(struct element)))
			return 0;
		seen++;
	}
	return seen == test->element_count;
}

static int check_outcome(const struct test_case *test, const struct place *place, const struct outcome *outcome)
{
	char text[700];

	if (test->refused[0] || test->failed[0]) {
		const char *expected = test->refused[0] ? test->refused : test->failed;

		if ((test->refused[0] ? outcome->load_error : outcome->run_error) &&
		    !strcmp(expected, outcome->message))
			return 1;
		snprintf(text, sizeof(text), "expected `%s`, got %d %d `%s`", expected, outcome->load_error,
			 outcome->run_error, outcome->message);
		return complain(test, place, text);
	}
	if (outcome->load_error || outcome->run_error) {
		snprintf(text, sizeof(text), "error %d %d: %s", outcome->load_error, outcome->run_error,
			 outcome->message);
		return complain(test, place, text);
	}
	if (test->has_result &&
	    (place->has_whole_result ? outcome->result != test->result : (u32)outcome->result != (u32)test->result)) {
		snprintf(text, sizeof(text), "result 0x%llx, expected 0x%llx", outcome->result, test->result);
		return complain(test, place, text);
	}
	if (test->has_after && memcmp(outcome->context, test->after, test->context_size))
		return complain(test, place, "the context differs");
	if (!elements_match(test, outcome))
		return complain(test, place, "the elements of a map differ");
	return 1;
}

/* What kernels before the newest refuse, by the words of their verifiers; instructions are from 6.6 and 6.15. */
static int kernel_lacks(const struct place *place, const struct outcome *outcome)
{
	static const char *const words[] = {"uses reserved fields", "unknown opcode", "Sleepable programs can only use",
					    "BPF_ST stores into", "invalid func"};

	for (u32 i = 0; place == &bpf_place && outcome->load_error && i < sizeof(words) / sizeof(*words); i++)
		if (strstr(outcome->message, words[i]))
			return 1;
	return 0;
}

static const char *seed_directory;

static void write_seed(const struct test_case *test)
{
	static u32 number;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/vector-%03u", seed_directory, number++);
	file = fopen(path, "we");
	if (!file)
		return;
	fputc(test->type == VM_PROGRAM_KPROBE ? 4 : test->type == VM_PROGRAM_SCHED_CLS ? 6 : 5, file);
	fwrite(test->insns, sizeof(*test->insns), test->insn_count, file);
	fclose(file);
}

static int run_file(const char *path, const struct place *place, u32 *passed, u32 *failed, u32 *skipped)
{
	static char content[1 << 18];
	static struct test_case test;
	static struct outcome outcome;
	const char *text = content;
	char error[256];
	FILE *file = fopen(path, "re");
	int more;

	if (!file)
		return -errno;
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	while ((more = read_case(&text, &test, error, sizeof(error))) > 0) {
		if (!place) {
			write_seed(&test);
			continue;
		}
		/* The module runs nothing unchecked. */
		if ((test.only_vm && place == &bpf_place) ||
		    ((test.load_flags || test.pretended) && place == &module_place)) {
			++*skipped;
			continue;
		}
		place->run(&test, &outcome);
		if (kernel_lacks(place, &outcome)) {
			++*skipped;
			continue;
		}
		++*(check_outcome(&test, place, &outcome) ? passed : failed);
	}
	if (more < 0) {
		printf("  FAIL %s: %s\n", path, error);
		++*failed;
	}
	return 0;
}

int vectors_run(const char *directory, const struct place *place, u32 *passed, u32 *failed, u32 *skipped)
{
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort), err = count < 0 ? -errno : 0;
	char path[512];

	for (int i = 0; i < count; i++) {
		u32 length = strlen(names[i]->d_name);

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		if (length > 4 && !strcmp(names[i]->d_name + length - 4, ".txt") && !err)
			err = run_file(path, place, passed, failed, skipped);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return err;
}

int vectors_write(const char *directory)
{
	u32 ignored = 0;

	seed_directory = directory;
	return vectors_run("tests/machine/vectors", NULL, &ignored, &ignored, &ignored);
}
