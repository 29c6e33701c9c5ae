# Sourced by the init script, after /lib/functions.sh and /lib/functions/network.sh: `uci_to_toml` writes /etc/config/igd2pcp
# as TOML. Which keys there are, and of which kind, was filled in from the daemon's own table when the package was made.

IGD2PCP_KEYS="@KEYS@"

# A TOML string: literal where that is possible.
toml_string() {
	case "$1" in
	*\'* | *[[:cntrl:]]*) printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')" ;;
	*) printf "'%s'" "$1" ;;
	esac
}

# A network's device; what is no network is taken as a device or an address.
device_of() {
	local device=
	network_get_device device "$1"
	printf '%s' "${device:-$1}"
}

toml_item() {
	local item="$1"
	[ "$TOML_KEY" = lan.interfaces ] && item="$(device_of "$item")"
	[ -n "$TOML_ITEMS" ] && TOML_ITEMS="$TOML_ITEMS, "
	case "$item" in
	# Several addresses of one PCP server.
	*,*)
		local part inner=
		local IFS=,
		for part in $item; do inner="${inner:+$inner, }$(toml_string "$part")"; done
		TOML_ITEMS="$TOML_ITEMS[$inner]"
		;;
	*) TOML_ITEMS="$TOML_ITEMS$(toml_string "$item")" ;;
	esac
}

toml_option() {
	local section="$1" name="$2" kind="$3" value=
	if [ "$kind" = list ]; then
		TOML_KEY="$section.$name"
		TOML_ITEMS=
		config_list_foreach "$section" "$name" toml_item
		[ -n "$TOML_ITEMS" ] && echo "$name = [$TOML_ITEMS]"
		return 0
	fi
	config_get value "$section" "$name"
	[ -n "$value" ] || return 0
	[ "$section.$name" = wan.interface ] && value="$(device_of "$value")"
	case "$kind" in
	switch)
		case "$value" in
		1 | on | true | yes | enabled) echo "$name = true" ;;
		*) echo "$name = false" ;;
		esac
		;;
	number)
		case "$value" in
		# Let the daemon say what is wrong with it.
		*[!0-9]*) echo "$name = $(toml_string "$value")" ;;
		*) echo "$name = $value" ;;
		esac
		;;
	*) echo "$name = $(toml_string "$value")" ;;
	esac
}

toml_rule() {
	local name value
	echo
	echo '[[policy.rule]]'
	for name in action client external_ports internal_ports; do
		config_get value "$1" "$name"
		[ -n "$value" ] && echo "$name = $(toml_string "$value")"
	done
	return 0
}

uci_to_toml() {
	local entry section= now name value
	config_load igd2pcp
	echo '# Made from /etc/config/igd2pcp at each start: change that.'
	for entry in $IGD2PCP_KEYS; do
		now="${entry%%.*}"
		name="${entry#*.}"
		name="${name%%:*}"
		if [ "$now" != "$section" ]; then
			section="$now"
			echo
			echo "[$section]"
		fi
		if [ "$section.$name" = pcp.dhcp_file ]; then
			config_get value pcp dhcp_file
			[ -n "$value" ] || echo "dhcp_file = '/var/run/igd2pcp.dhcp'"
		fi
		toml_option "$section" "$name" "${entry##*:}"
	done
	config_foreach toml_rule rule
}
