// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of bpf_trace_printk and bpf_snprintf: %c, %d %i %u %x %X with l or ll, %s, %p and what may
 * follow it, %%, each with flags and a width. One conversion at a time goes through the port's printf,
 * rebuilt from what was recognised, so that no program's format ever reaches it.
 */
#include "helper.h"

struct output {
	char *text;
	u32 size;
	u32 used; /* may pass size: as with snprintf, it is what would have been written */
};

struct conversion {
	char flags[24]; /* "%", flags and width */
	u32 longs;
	char kind;
};

static void put_character(struct output *out, char character)
{
	if (out->used + 1 < out->size)
		out->text[out->used] = character;
	out->used++;
}

static void put_text(struct output *out, const char *text)
{
	while (*text)
		put_character(out, *text++);
}

/* What follows a '%'; the rest of the format, or NULL if it is none of the known ones. */
static const char *parse(const char *format, struct conversion *found)
{
	u32 used = 0;

	found->flags[used++] = '%';
	while (*format && *format != '%' &&
	       (*format == '-' || *format == '+' || *format == ' ' || *format == '#' ||
		(*format >= '0' && *format <= '9'))) {
		if (used + 1 >= sizeof(found->flags) - 4 || used > 6)
			return NULL;
		found->flags[used++] = *format++;
	}
	found->flags[used] = '\0';
	for (found->longs = 0; *format == 'l' && found->longs < 2; found->longs++)
		format++;
	found->kind = *format;
	return *format ? format + 1 : NULL;
}

static int put_number(struct output *out, const struct conversion *conversion, u64 value)
{
	char format[40], text[96];

	if (!conversion->longs)
		value = conversion->kind == 'd' || conversion->kind == 'i' ? (u64)(s64)(s32)value : (u32)value;
	port_format(format, sizeof(format), "%sll%c", conversion->flags, conversion->kind);
	port_format(text, sizeof(text), format, value);
	put_text(out, text);
	return 0;
}

/* %p prints in full: whoever may load a program may know addresses. %ps and its kin print as numbers too. */
static const char *put_pointer(struct output *out, const char *format, u64 value)
{
	char text[32];

	while (*format == 'K' || *format == 'x' || *format == 's' || *format == 'S' || *format == 'B')
		format++;
	port_format(text, sizeof(text), "%016llx", value);
	put_text(out, text);
	return format;
}

static int put_string(struct output *out, struct vm_machine *machine, const struct conversion *conversion, u64 address,
		      int user)
{
	char text[128], padded[192], format[32];

	if (vm_read_string(machine, text, sizeof(text), address, user) < 0)
		port_format(text, sizeof(text), "(fault)");
	port_format(format, sizeof(format), "%ss", conversion->flags);
	port_format(padded, sizeof(padded), format, text);
	put_text(out, padded);
	return 0;
}

static const char *put_conversion(struct output *out, struct vm_machine *machine, const char *format, u64 value)
{
	struct conversion conversion;
	const char *rest = parse(format, &conversion);

	if (!rest)
		return NULL;
	switch (conversion.kind) {
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'X':
		return put_number(out, &conversion, value) ? NULL : rest;
	case 'c':
		put_character(out, (char)value);
		return rest;
	case 's':
		return put_string(out, machine, &conversion, value, 0) ? NULL : rest;
	case 'p':
		if ((*rest == 'k' || *rest == 'u') && rest[1] == 's')
			return put_string(out, machine, &conversion, value, *rest == 'u') ? NULL : rest + 2;
		return put_pointer(out, rest, value);
	default:
		return NULL;
	}
}

s64 vm_format(struct vm_machine *machine, char *text, u32 size, const char *format, const u64 *args, u32 count)
{
	struct output out = {text, size, 0};
	char copy[256];
	u32 next = 0, length = port_strlen(format);

	/* The format may be in the very text that is about to be written. */
	if (length >= sizeof(copy))
		return -EINVAL;
	port_memcpy(copy, format, length + 1);
	for (format = copy; *format;) {
		if (*format != '%') {
			put_character(&out, *format++);
		} else if (format[1] == '%') {
			put_character(&out, '%');
			format += 2;
		} else {
			if (next == count)
				return -EINVAL;
			format = put_conversion(&out, machine, format + 1, args[next++]);
			if (!format)
				return -EINVAL;
		}
	}
	if (size)
		text[out.used < size ? out.used : size - 1] = '\0';
	return out.used;
}
