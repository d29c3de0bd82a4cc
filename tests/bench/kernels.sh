#!/bin/sh
# kernels.sh BUILD [--slot PREFIX] [--isa NAME] [--label PART]: each kernel on the shapes of the post's networks, on one thread: the best
# time, GFLOP/s (direct-equivalent where it is Winograd's) and per cent of the multiply-adds that this processor does in registers, measured first.
set -eu
build=$1 && shift
printf '  %-8s %-28s %-24s %12s %15s %6s\n' 'set' kernel shape 'best' 'speed' 'of peak'
"$build/tests/kernels/kernels" --bench "$@"
"$build/tests/kernels/methods" --bench "$@"
