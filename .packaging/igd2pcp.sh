#!/bin/sh
# Starts igd2pcp with the Node.js that came with the package, else with the system's.
program=/usr/lib/igd2pcp/igd2pcp.cjs
for node in /usr/lib/igd2pcp/node /usr/bin/node /usr/local/bin/node; do
  [ -x "$node" ] && exec "$node" "$program" "$@"
done
echo "igd2pcp: needs Node.js 20.11 or newer, and there is none in /usr/bin or /usr/local/bin" >&2
exit 2
