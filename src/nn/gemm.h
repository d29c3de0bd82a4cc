/* gemm.h - products of row-major matrices by OpenBLAS: the only way to it. */
#ifndef CVT_NN_GEMM_H
#define CVT_NN_GEMM_H

#include <stdbool.h>

#include "convtui/error.h"

/* One thread inside our tasks. CVT_ERR_UNSUPPORTED: OpenBLAS's serial flavour, which several threads may not call at once. Idempotent. */
CVT_NODISCARD int cvt_gemm_prepare(struct cvt_error *err);

/* c[m][n] = op(a) op(b) + beta c, where op(a) is [m][k]: a stored [m][lda], or [k][lda] with ta; b alike. Thread-safe; serial. beta 0 does
 * not read c. */
void cvt_gemm(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

#endif
