/* rows.c - see store/rows.h. */
#include "store/rows.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "store/inbox.h"

const char cvt_batches_header[] = "batch,epoch,images,loss,correct,lr,seconds\n";
const char cvt_epochs_header[] = "epoch,loss,train_accuracy,val_loss,val_accuracy,lr,seconds\n";
const char cvt_commands_header[] = "batch,id,name,value,time\n";

enum { REAL_SIZE = 32 };

static const char *real(double value, char text[REAL_SIZE])
{
	cvt_text_from_double_rounded(value, 9, text, REAL_SIZE);
	return text;
}

size_t cvt_batch_format(const struct cvt_batch_row *row, char text[CVT_ROW_SIZE])
{
	char loss[REAL_SIZE], lr[REAL_SIZE], seconds[REAL_SIZE];

	return (size_t)snprintf(text, CVT_ROW_SIZE, "%" PRId64 ",%d,%d,%s,%d,%s,%s\n", row->batch, row->epoch, row->images,
		real(row->loss, loss), row->correct, real(row->lr, lr), real(row->seconds, seconds));
}

size_t cvt_epoch_format(const struct cvt_epoch_row *row, char text[CVT_ROW_SIZE])
{
	char part[6][REAL_SIZE];

	return (size_t)snprintf(text, CVT_ROW_SIZE, "%d,%s,%s,%s,%s,%s,%s\n", row->epoch, real(row->loss, part[0]),
		real(row->train_accuracy, part[1]), real(row->val_loss, part[2]), real(row->val_accuracy, part[3]), real(row->lr, part[4]),
		real(row->seconds, part[5]));
}

size_t cvt_command_format(const struct cvt_command_row *row, char text[CVT_ROW_SIZE])
{
	char time[REAL_SIZE];

	cvt_text_from_double(row->time, time, sizeof time);
	return (size_t)snprintf(text, CVT_ROW_SIZE, "%" PRId64 ",%s,%s,%s,%s\n", row->batch, row->id, row->name, row->value, time);
}

/* The next of the comma-separated fields. */
static bool next_real(char **rest, double *value)
{
	char *text = strsep(rest, ",");

	if (text == NULL)
		return false;
	if (strcmp(text, "nan") == 0)
		*value = NAN;
	else if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0)
		*value = *text == '-' ? -INFINITY : INFINITY;
	else
		return cvt_text_to_double(text, value);
	return true;
}

static bool next_long(char **rest, int64_t *value)
{
	char *text = strsep(rest, ",");

	return text != NULL && cvt_text_to_i64(text, value) && *value >= 0;
}

static bool next_int(char **rest, int *value)
{
	int64_t wide;

	if (!next_long(rest, &wide) || wide > INT_MAX)
		return false;
	*value = (int)wide;
	return true;
}

static bool next_text(char **rest, char *value, size_t size)
{
	char *text = strsep(rest, ",");

	if (text == NULL || strlen(text) >= size)
		return false;
	memcpy(value, text, strlen(text));
	return true;
}

bool cvt_batch_parse(char *line, void *row)
{
	struct cvt_batch_row r;

	memset(&r, 0, sizeof r);
	if (!next_long(&line, &r.batch) || !next_int(&line, &r.epoch) || !next_int(&line, &r.images) || !next_real(&line, &r.loss) ||
		!next_int(&line, &r.correct) || !next_real(&line, &r.lr) || !next_real(&line, &r.seconds) || line != NULL)
		return false;
	memcpy(row, &r, sizeof r);
	return true;
}

bool cvt_epoch_parse(char *line, void *row)
{
	struct cvt_epoch_row r;

	memset(&r, 0, sizeof r);
	if (!next_int(&line, &r.epoch) || !next_real(&line, &r.loss) || !next_real(&line, &r.train_accuracy) ||
		!next_real(&line, &r.val_loss) || !next_real(&line, &r.val_accuracy) || !next_real(&line, &r.lr) ||
		!next_real(&line, &r.seconds) || line != NULL)
		return false;
	memcpy(row, &r, sizeof r);
	return true;
}

bool cvt_command_parse(char *line, void *row)
{
	struct cvt_command_row r;

	memset(&r, 0, sizeof r);
	if (!next_long(&line, &r.batch) || !next_text(&line, r.id, sizeof r.id) || !next_text(&line, r.name, sizeof r.name) ||
		!next_text(&line, r.value, sizeof r.value) || !next_real(&line, &r.time) || line != NULL)
		return false;
	if (!cvt_command_id_ok(r.id) || !cvt_command_name_ok(r.name) || !cvt_command_value_ok(r.value))
		return false;
	memcpy(row, &r, sizeof r);
	return true;
}
