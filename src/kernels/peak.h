/* peak.h - the yardstick: fused multiply-adds that never leave the registers. */
#ifndef CVT_KERNELS_PEAK_H
#define CVT_KERNELS_PEAK_H

struct cvt_peak_kernels {
	/* Does `rounds` rounds of independent multiply-adds; returns how many floating-point operations that was (two for each
	 * multiply-add and lane). *sink takes a value that depends on all of them. */
	double (*multiply_adds)(long rounds, float *sink);
};

#endif
