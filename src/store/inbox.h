/* inbox.h - a command as a file: inbox/ID.cmd with one line "name value". */
#ifndef CVT_STORE_INBOX_H
#define CVT_STORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

/* [a-z-], 1 to 23 / [A-Za-z0-9.+-], at most 63: so that neither needs quoting in a file or a CSV. */
bool cvt_command_name_ok(const char *name);
bool cvt_command_value_ok(const char *value);
/* [0-9a-z], 1 to 23. */
bool cvt_command_id_ok(const char *id);

#endif
