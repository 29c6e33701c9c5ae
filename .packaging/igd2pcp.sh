#!/bin/sh
# Starts igd2pcp with the Node.js that came with the package, else with the system's. The unit, the init script and the
# container all start it here: this is the one place that says with how much memory.
program=/usr/lib/igd2pcp/start.cjs
# Memory counts for more than speed on a router: small young generation, one malloc arena that gives back what is free. The
# old generation is a limit, not a size: 64 MiB were too little for 26,000 mappings. V8's own switches: see start.cjs.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"
# Nothing here speaks TLS: certificates that a site gives to every Node.js would only be read, 30 ms and 2 MiB at each start.
unset NODE_EXTRA_CA_CERTS
flags="--max-semi-space-size=2 --max-old-space-size=192"
# On OpenWrt the configuration is made from /etc/config/igd2pcp, and every command reads what the daemon reads.
made=/var/etc/igd2pcp.toml
[ -z "$IGD2PCP_CONFIG" ] && [ -f "$made" ] && export IGD2PCP_CONFIG="$made"
for node in /usr/lib/igd2pcp/node /usr/bin/node /usr/local/bin/node; do
  [ -x "$node" ] || continue
  # For a supervisor that has to start Node.js by itself.
  [ "$1" = --print-command ] && echo "$node $flags $program" && exit 0
  exec "$node" $flags "$program" "$@"
done
echo "igd2pcp: needs Node.js 20.11 or newer, and there is none in /usr/bin or /usr/local/bin" >&2
exit 2
