#!/bin/sh
# Fetches uPlot (https://github.com/leeoniya/uPlot, licence MIT, see uplot.LICENSE)
# from the npm registry and puts it where the program embeds it. To take a newer
# release, change version and digests, run it and look at the pictures.
set -eu
version=1.6.32
script=19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f
sheet=df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "uplot@$version" >/dev/null && tar xzf "uplot-$version.tgz")
printf "%s  %s\n%s  %s\n" "$script" "$work/package/dist/uPlot.iife.min.js" "$sheet" "$work/package/dist/uPlot.min.css" | sha256sum --check --quiet
cp "$work/package/dist/uPlot.iife.min.js" "$here/uplot.js"
cp "$work/package/dist/uPlot.min.css" "$here/uplot.css"
cp "$work/package/LICENSE" "$here/uplot.LICENSE"
