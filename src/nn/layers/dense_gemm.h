/* dense_gemm.h - the dense layer by OpenBLAS. */
#ifndef CVT_NN_DENSE_GEMM_H
#define CVT_NN_DENSE_GEMM_H

#include "nn/layers/dense_method.h"

extern const struct cvt_dense_method cvt_dense_gemm;

#endif
