/* advice.h - what can be done with a run that nobody trains, in words: the dashboard and `steer` say the same. */
#ifndef UI_ADVICE_H
#define UI_ADVICE_H

#include <stddef.h>

#include "convtui/store.h"

/* "convtui resume NAME --epochs 40 goes on": the command that takes the run further from where it stands. Not for a run that has a runner. */
void advice_go_on(const struct cvt_run *run, char *out, size_t size);
/* The fewest epochs that the run can still be given: those that it has trained, and the one that it has begun. */
int advice_least_epochs(const struct cvt_live *live);

#endif
