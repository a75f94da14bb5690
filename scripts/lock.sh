#!/bin/sh
# Renew the lock files from both pyproject.toml. They name exact versions and hashes, and no address.
set -eu
cd "$(dirname "$0")/.."
uv=.tools/uv/bin/uv
[ -x "$uv" ] || uv=uv
compile() { "$uv" pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"; }
compile --universal --python-version 3.11 pyproject.toml -o requirements.txt
compile --universal --python-version 3.11 pyproject.toml --group dev -o requirements-dev.txt
compile --python-version 3.10 nlu/pyproject.toml -o nlu/requirements.txt
compile --python-version 3.10 nlu/pyproject.toml --group nlu/pyproject.toml:dev -o nlu/requirements-dev.txt
# PyTorch's builds without CUDA are not on PyPI: UV_FIND_LINKS says where they are.
compile --python-version 3.11 nlu/finetuning/pyproject.toml -o nlu/finetuning/requirements.txt
echo "uv==$("$uv" --version | cut -d' ' -f2)" | compile --universal - -o scripts/uv.txt
