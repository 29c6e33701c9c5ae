# Sourced by the init script, after /lib/functions.sh and /lib/functions/network.sh: `uci_to_toml` writes /etc/config/igd2pcp
# as TOML. Options the daemon does not know are written, too: it refuses them, while a rule that lost one would let in more
# than its author wanted. The keys and their kinds were filled in from the daemon's own table when the package was made.

IGD2PCP_KEYS="@KEYS@"
IGD2PCP_DHCP="${IGD2PCP_DHCP:-/var/run/igd2pcp-dhcp}"

# A TOML string: literal where that is possible.
toml_string() {
	case "$1" in
	*\'* | *[[:cntrl:]]*) printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')" ;;
	*) printf "'%s'" "$1" ;;
	esac
}

# A network has a device only while it is up. Until then: the one it will get, so that the daemon knows whom to wait for.
# What is no network is taken as a device or an address.
device_of() {
	local device= proto=
	network_get_device device "$1" || {
		proto="$(uci -q get "network.$1.proto")"
		case "$proto" in
		ppp* | l2tp | pptp | 3g) device="$proto-$1" ;;
		dslite) device="ds-$1" ;;
		wireguard) device="$1" ;;
		*) device="$(uci -q get "network.$1.device")" ;;
		esac
	}
	printf '%s' "${device:-$1}"
}

# The far end of a DS-Lite tunnel is its PCP server (RFC 6887 §8.1). A tunnel that DHCPv6 set up is called after its network,
# "wan6_4" for wan6, and stands in no configuration: there the hook of the DHCPv6 client knows the address.
aftr_of() {
	local proto= aftr=
	network_get_protocol proto "$1" || proto="$(uci -q get "network.$1.proto")"
	[ "$proto" = dslite ] || return 0
	aftr="$(uci -q get "network.$1.peeraddr")" || aftr="$(cat "$IGD2PCP_DHCP/aftr.${1%_4}" 2> /dev/null)"
	printf '%s' "$aftr"
}

kind_of() {
	local entry
	for entry in $IGD2PCP_KEYS; do
		[ "${entry%%:*}" = "$1" ] && printf '%s' "${entry##*:}" && return 0
	done
	return 1
}

# All sections of one type become one table, each rule a table of its own.
toml_section() {
	TOML_LIST=
	# The type becomes part of a variable's name.
	case "$1" in
	*[!A-Za-z0-9_]*) TOML_TYPE=not_a_section ;;
	*) TOML_TYPE="$1" ;;
	esac
	[ "$TOML_TYPE" = rule ] && TOML_TEXT_rule="$TOML_TEXT_rule
[[policy.rule]]
"
	toml_type "$TOML_TYPE"
}

toml_type() {
	case " rule $TOML_TYPES " in
	*" $1 "*) return 0 ;;
	esac
	TOML_TYPES="$TOML_TYPES $1"
	eval "TOML_TEXT_$1="
}

toml_line() { eval "TOML_TEXT_$TOML_TYPE=\"\${TOML_TEXT_$TOML_TYPE}\$1 = \$2
\""; }

toml_option() {
	local name="$1" value="$2" kind= item
	# "enabled" is for the init script; an empty option is none.
	[ "$TOML_TYPE.$name" = igd2pcp.enabled ] && return 0
	[ -n "$value" ] || return 0
	kind="$(kind_of "$TOML_TYPE.$name")"
	[ "$TOML_TYPE.$name" = wan.interface ] && value="$(device_of "$value")"
	case "$kind:$value" in
	list:*) for item in $value; do toml_item "$name" "$item"; done ;;
	switch:1 | switch:on | switch:true | switch:yes | switch:enabled) toml_line "$name" true ;;
	switch:0 | switch:off | switch:false | switch:no | switch:disabled) toml_line "$name" false ;;
	# What is no number the daemon refuses in words.
	number:*[!0-9]*) toml_line "$name" "$(toml_string "$value")" ;;
	number:*) toml_line "$name" "$value" ;;
	*) toml_line "$name" "$(toml_string "$value")" ;;
	esac
}

# Lists come item by item. They are kept apart until the section's text is asked for.
toml_item() {
	local name="$1" item="$2" part inner=
	[ "$TOML_TYPE.$name" = lan.interfaces ] && item="$(device_of "$item")"
	case "$item" in
	# Several addresses of one PCP server.
	*,*)
		local IFS=,
		for part in $item; do inner="${inner:+$inner, }$(toml_string "$part")"; done
		item="[$inner]"
		;;
	*) item="$(toml_string "$item")" ;;
	esac
	[ "$TOML_LIST" = "$name" ] || toml_line "$name" '[]'
	TOML_LIST="$name"
	# Before the closing bracket of the last line.
	eval "inner=\"\$TOML_TEXT_$TOML_TYPE\""
	inner="${inner%]?}"
	case "$inner" in *\[) ;; *) inner="$inner, " ;; esac
	eval "TOML_TEXT_$TOML_TYPE=\"\$inner\$item]
\""
}

has_option() { # TYPE NAME
	local text
	eval "text=\"\$TOML_TEXT_$1\""
	case "
$text" in
	*"
$2 = "*) return 0 ;;
	esac
	return 1
}

# What OpenWrt knows and its user need not say.
toml_default() { # TYPE NAME VALUE
	toml_type "$1"
	has_option "$1" "$2" && return 0
	TOML_TYPE="$1"
	toml_line "$2" "$3"
}

toml_aftr() {
	local aftr auto="servers = ['auto']"
	aftr="$(aftr_of "$1")"
	[ -n "$aftr" ] || return 0
	toml_default pcp servers "['auto']"
	TOML_TEXT_pcp="${TOML_TEXT_pcp%%"$auto"*}servers = [$(toml_string "$aftr"), 'auto']${TOML_TEXT_pcp#*"$auto"}"
}

uci_to_toml() {
	local TOML_TYPES= TOML_TYPE= TOML_LIST= TOML_TEXT_rule= wan= type text
	config_cb() { [ -z "$1" ] || toml_section "$1"; }
	option_cb() {
		[ "$TOML_TYPE.$1" = wan.interface ] && wan="$2"
		toml_option "$1" "$2"
	}
	list_cb() { toml_item "$1" "$2"; }
	config_load igd2pcp
	reset_cb
	toml_default pcp dhcp_file "'$IGD2PCP_DHCP/servers'"
	toml_default admin socket "'/var/run/igd2pcp/admin.sock'"
	# procd reads two streams and gives each a priority.
	toml_default log format "'text'"
	has_option pcp servers && ! has_servers_auto || toml_aftr "$wan"
	echo '# Made from /etc/config/igd2pcp at each start: change that.'
	for type in $TOML_TYPES; do
		eval "text=\"\$TOML_TEXT_$type\""
		[ -n "$text" ] && printf '\n[%s]\n%s' "$type" "$text"
	done
	printf '%s' "$TOML_TEXT_rule"
}

has_servers_auto() {
	case "$TOML_TEXT_pcp" in
	*"servers = ['auto']"*) return 0 ;;
	esac
	return 1
}

# The daemon's complaint about that file, in the words of /etc/config/igd2pcp.
in_uci_words() {
	sed -e "s|^\(igd2pcp: \)\{0,1\}$1:[0-9]*: \([a-z]\)|/etc/config/igd2pcp: igd2pcp.\2|" -e 's|igd2pcp\.policy\.rule, item \([0-9]*\)|rule \1|'
}
