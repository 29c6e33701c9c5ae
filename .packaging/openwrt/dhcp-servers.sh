# Sourced by the hooks of both DHCP clients. Each network and family has a file of its own, and the daemon's file is all of
# them in a fixed order: a renewal changes nothing unless the servers changed, and no network takes another one's line away.

IGD2PCP_DHCP="${IGD2PCP_DHCP:-/var/run/igd2pcp-dhcp}"

keep_servers() { # FAMILY NETWORK LINE
	local parts="$IGD2PCP_DHCP/parts" mine="$IGD2PCP_DHCP/new.$1-$2.$$"
	mkdir -p "$parts"
	if [ -n "$3" ]; then
		printf '%s # %s\n' "$3" "$2" > "$mine"
		mv "$mine" "$parts/$1-$2"
	else
		rm -f "$parts/$1-$2"
	fi
	# The other client may have put its own list in place meanwhile, without this line: look again afterwards.
	while ! [ -f "$IGD2PCP_DHCP/servers" ] || [ "$(cat "$parts"/* 2> /dev/null)" != "$(cat "$IGD2PCP_DHCP/servers")" ]; do
		cat "$parts"/* > "$mine" 2> /dev/null
		mv "$mine" "$IGD2PCP_DHCP/servers"
	done
}
