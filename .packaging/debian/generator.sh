#!/bin/sh
# systemd generator: where this box translates (nat = "nftables"), the daemon may change netfilter; nowhere else.
config=${IGD2PCP_CONFIG:-/etc/igd2pcp.toml}
[ -r "$config" ] || exit 0
grep -Eq '^[[:space:]]*(wan\.)?nat[[:space:]]*=[[:space:]]*["'\'']nftables["'\'']' "$config" || exit 0
mkdir -p "$1/igd2pcp.service.d"
cat > "$1/igd2pcp.service.d/nftables.conf" <<END
[Service]
CapabilityBoundingSet=CAP_NET_ADMIN
AmbientCapabilities=CAP_NET_ADMIN
END
