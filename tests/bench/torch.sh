#!/bin/sh
# torch.sh BUILD [ROW...]: convtui and PyTorch 2.13.0 side by side on this machine; writes docs/speed.md. The virtual environment is made
# outside the tree, in ${CONVTUI_TORCH:-~/.cache/convtui-torch}, the first time.
set -eu
build=$(readlink -f "$1") && shift
venv=${CONVTUI_TORCH:-$HOME/.cache/convtui-torch}
cd "$(dirname "$0")"
if ! "$venv/bin/python" -c 'import torch; assert torch.__version__.startswith("2.13.0")' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install -q torch==2.13.0 numpy pillow
fi
exec "$venv/bin/python" torch_table.py "$build/ui/convtui" "$venv/bin/python" ../../docs/speed.md "$@"
