/* gemm.c - the only caller of OpenBLAS. */
#include "nn/gemm.h"

#include <cblas.h>
#include <stdio.h>

#include "convtui/machine.h"

void cvt_machine_blas(char *text, size_t size, bool *ret_serial)
{
	static const char *const flavours[] = {"serial", "pthreads", "OpenMP"};
	int parallel = openblas_get_parallel();
	snprintf(text, size, "%s, %s, %s", openblas_get_config(), openblas_get_corename(),
		parallel >= 0 && parallel <= 2 ? flavours[parallel] : "unknown threading");
	*ret_serial = parallel == 0;
}

int cvt_gemm_prepare(struct cvt_error *err)
{
	if (openblas_get_parallel() == 0)
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "this OpenBLAS is the serial flavour, which is not safe from several threads: "
			"install libopenblas0-pthread");
	openblas_set_num_threads(1);
	return CVT_OK;
}

void cvt_gemm(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
	cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
}
