/* cgroup.h - what the control groups (version 2, else version 1, every ancestor) leave to this process. */
#ifndef CVT_BASE_CGROUP_H
#define CVT_BASE_CGROUP_H

#include <stdint.h>

/* Least quota of processor time over the group and its ancestors, in processors; 0: no limit. `root`: prefix of /proc and /sys. */
double cvt_cgroup_processors(const char *root);
/* Bytes left under the tightest memory limit, page cache that can go counted as free; -1: no limit. */
int64_t cvt_cgroup_memory(const char *root);

#endif
