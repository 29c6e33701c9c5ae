#!/bin/sh
# systemd generator: fits the unit to /etc/igd2pcp.toml. Where this box translates (nat = "nftables"), the daemon may change
# netfilter; nowhere else.
config=${IGD2PCP_CONFIG:-/etc/igd2pcp.toml}
[ -r "$config" ] || exit 0
if grep -Eq '^[[:space:]]*(wan\.)?nat[[:space:]]*=[[:space:]]*["'\'']nftables["'\'']' "$config"; then
  mkdir -p "$1/igd2pcp.service.d"
  cat > "$1/igd2pcp.service.d/nftables.conf" <<UNIT
[Service]
CapabilityBoundingSet=CAP_NET_ADMIN
AmbientCapabilities=CAP_NET_ADMIN
UNIT
fi
