#!/bin/sh
# systemd generator: fits the unit to /etc/igd2pcp.toml. Where this box translates (nat = "nftables"), the daemon may change
# netfilter; nowhere else. Where no admin socket is named, it is put where an unprivileged daemon can make one; tmpfiles.d
# links the place the commands look at.
config=${IGD2PCP_CONFIG:-/etc/igd2pcp.toml}
[ -r "$config" ] || exit 0
mkdir -p "$1/igd2pcp.service.d"
if grep -Eq '^[[:space:]]*(wan\.)?nat[[:space:]]*=[[:space:]]*["'\'']nftables["'\'']' "$config"; then
  cat > "$1/igd2pcp.service.d/nftables.conf" <<END
[Service]
CapabilityBoundingSet=CAP_NET_ADMIN
AmbientCapabilities=CAP_NET_ADMIN
END
fi
if ! grep -Eq '^[[:space:]]*(admin\.)?socket[[:space:]]*=' "$config"; then
  cat > "$1/igd2pcp.service.d/socket.conf" <<END
[Service]
Environment=IGD2PCP_ADMIN_SOCKET=/run/igd2pcp/admin.sock
END
fi
