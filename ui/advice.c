/* advice.c - see advice.h. */
#include "advice.h"

#include <stdio.h>

#include "program.h"

enum { MORE_EPOCHS = 10 };

void advice_go_on(const struct cvt_run *run, char *out, size_t size)
{
	const struct cvt_live *live = &run->live;
	if (live->state == CVT_STATE_QUEUED) {
		snprintf(out, size, "%s work begins it", program_name());
	} else if (live->state == CVT_STATE_DONE && live->epoch >= live->epochs) {
		snprintf(out, size, "%s resume %s --epochs %d goes on", program_name(), run->name, live->epoch + MORE_EPOCHS);
	} else if (live->state == CVT_STATE_DONE) {
		snprintf(out, size, "%s resume %s --patience 0 goes on", program_name(), run->name);
	} else {
		snprintf(out, size, "%s resume %s goes on", program_name(), run->name);
	}
}

int advice_least_epochs(const struct cvt_live *live)
{
	return (live->epoch > 0 ? live->epoch : 0) + (live->batch_in_epoch > 0);
}
