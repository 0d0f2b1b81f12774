#!/bin/sh
# Fetches htmx (https://htmx.org, licence 0BSD, see htmx.LICENSE) from the npm
# registry and puts it where the program embeds it. To take a newer release,
# change version and digest, run it and look at the panel.
set -eu
version=2.0.11
digest=d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "htmx.org@$version" >/dev/null && tar xzf "htmx.org-$version.tgz")
echo "$digest  $work/package/dist/htmx.min.js" | sha256sum --check --quiet
cp "$work/package/dist/htmx.min.js" "$here/htmx.js"
cp "$work/package/LICENSE" "$here/htmx.LICENSE"
