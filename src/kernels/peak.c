/* peak.c - what the processor can do at best: chains of multiply-adds, enough of them to hide their latency. */
#include "kernels/kernels.h"
#include "kernels/vec.h"

enum { CHAINS = CVT_VECTOR_REGISTERS >= 32 ? 16 : 12 };

static double multiply_adds(long rounds, float *sink)
{
	vf sum[CHAINS], a = vset(0.999f), b = vset(1e-3f);
	CVT_UNROLL
	for (int i = 0; i < CHAINS; i++)
		sum[i] = vset((float)i);
	for (long r = 0; r < rounds; r++) {
		CVT_UNROLL
		for (int i = 0; i < CHAINS; i++)
			sum[i] = sum[i] * a + b;
	}
	CVT_UNROLL
	for (int i = 1; i < CHAINS; i++)
		sum[0] += sum[i];
	*sink = (float)vsum(sum[0]);
	return 2.0 * CHAINS * VL * (double)rounds;
}

void CVT_KERNEL_INIT(peak)(struct cvt_peak_kernels *k)
{
	k->multiply_adds = multiply_adds;
}
