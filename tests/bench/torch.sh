#!/bin/sh
# torch.sh BUILD [ROW...]: convtui and PyTorch 2.13.0 side by side on this machine; writes docs/speed.md. What is measured, and what torch.compile
# made, stays outside the tree in ${CONVTUI_BENCH:-~/.cache/convtui-bench}; so does the virtual environment, ${CONVTUI_TORCH:-~/.cache/convtui-torch},
# made the first time.
set -eu
build=$(readlink -f "$1") && shift
venv=${CONVTUI_TORCH:-$HOME/.cache/convtui-torch}
state=${CONVTUI_BENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/convtui-bench}
export TORCHINDUCTOR_CACHE_DIR="$state/inductor" TORCHINDUCTOR_FX_GRAPH_CACHE=1 TORCHINDUCTOR_AUTOGRAD_CACHE=1 PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")"
if ! "$venv/bin/python" -c 'import torch; assert torch.__version__.startswith("2.13.0")' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install -q torch==2.13.0 numpy pillow
fi
exec "$venv/bin/python" torch_table.py "$build" "$venv/bin/python" "$state" ../../docs/speed.md "$@"
