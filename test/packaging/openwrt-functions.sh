# As much of OpenWrt's /lib/functions.sh and network.sh as our scripts use, over plain files in $UCI_DIR.

config_load() {
	local line kind name value
	CONFIG_SECTIONS=
	CONFIG_COUNT=0
	# A second load starts afresh.
	for name in $CONFIG_LISTS; do unset "$name"; done
	CONFIG_LISTS=
	while read -r line; do
		case "$line" in '' | '#'*) continue ;; esac
		eval "set -- $line"
		kind="$1" name="$2" value="$3"
		case "$kind" in
		config)
			CONFIG_COUNT=$((CONFIG_COUNT + 1))
			CONFIG_SECTION="${value:-cfg$CONFIG_COUNT}"
			CONFIG_SECTIONS="$CONFIG_SECTIONS $name:$CONFIG_SECTION"
			config_cb "$name" "$CONFIG_SECTION"
			;;
		option)
			eval "OPTION_${CONFIG_SECTION}_$name=\$value"
			option_cb "$name" "$value"
			;;
		list)
			eval "LENGTH=\${LIST_${CONFIG_SECTION}_$name:-0}"
			LENGTH=$((LENGTH + 1))
			eval "LIST_${CONFIG_SECTION}_$name=$LENGTH"
			CONFIG_LISTS="$CONFIG_LISTS LIST_${CONFIG_SECTION}_$name"
			eval "ITEM_${CONFIG_SECTION}_${name}_$LENGTH=\$value"
			list_cb "$name" "$value"
			;;
		esac
	done < "$UCI_DIR/$1"
	# As the real one: a call without arguments ends the last section.
	config_cb
}

reset_cb() {
	config_cb() { return 0; }
	option_cb() { return 0; }
	list_cb() { return 0; }
}
reset_cb

config_get_bool() {
	config_get "$1" "$2" "$3" "$4"
	eval "case \"\$$1\" in 1 | on | true | yes | enabled) $1=1 ;; 0 | off | false | no | disabled) $1=0 ;; *) $1=$4 ;; esac"
}

# "get" reads /etc/config/network as $UCI_DIR/network.values has it, a line "network.wan.proto=dhcp" each.
uci() {
	case "$1 $2" in
	'-q get') sed -n "s|^$3=||p" "$UCI_DIR/network.values" | grep . ;;
	esac
}

config_get() { eval "$1=\"\${OPTION_$2_$3:-\$4}\""; }

config_foreach() {
	local call="$1" wanted="$2" entry
	for entry in $CONFIG_SECTIONS; do
		[ "${entry%%:*}" = "$wanted" ] && "$call" "${entry#*:}"
	done
	return 0
}

config_list_foreach() {
	local section="$1" name="$2" call="$3" length number=1 item
	eval "length=\${LIST_${section}_$name:-0}"
	while [ "$number" -le "$length" ]; do
		eval "item=\$ITEM_${section}_${name}_$number"
		"$call" "$item"
		number=$((number + 1))
	done
}

# Of the networks that are up.
network_get_device() {
	case "$2" in
	lan) eval "$1=br-lan" ;;
	guest) eval "$1=br-guest" ;;
	wan) eval "$1=eth1" ;;
	wan6_4) eval "$1=ds-wan6_4" ;;
	*) return 1 ;;
	esac
}

network_get_protocol() {
	case "$2" in
	wan6_4) eval "$1=dslite" ;;
	*) return 1 ;;
	esac
}
