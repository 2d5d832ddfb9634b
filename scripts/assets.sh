#!/bin/sh
# Puts the dashboard's files, and the library that draws its charts, into build/assets/. Called by make.
#
# Several may run at once: each fills a folder of its own, and the last one to finish is the one that stays.
set -eu

uplot=node_modules/uplot
[ -f $uplot/dist/uPlot.iife.min.js ] || { echo "$uplot is missing: rm node_modules/.installed, then make setup" >&2; exit 1; }
mkdir -p build
new=$(mktemp -d build/assets.XXXXXX)
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
cp dashboard/* "$new/"
# With the licence in the file, since it asks for that.
{ echo '/*'; cat $uplot/LICENSE; echo '*/'; cat $uplot/dist/uPlot.iife.min.js; } > "$new/uplot.js"
cp $uplot/dist/uPlot.min.css "$new/uplot.css"
touch "$new/index.html"
rm -rf build/assets
# Where another one was faster, its folder is as good.
[ -d build/assets ] || mv "$new" build/assets
