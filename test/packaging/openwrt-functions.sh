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
			;;
		option) eval "OPTION_${CONFIG_SECTION}_$name=\$value" ;;
		list)
			eval "LENGTH=\${LIST_${CONFIG_SECTION}_$name:-0}"
			LENGTH=$((LENGTH + 1))
			eval "LIST_${CONFIG_SECTION}_$name=$LENGTH"
			CONFIG_LISTS="$CONFIG_LISTS LIST_${CONFIG_SECTION}_$name"
			eval "ITEM_${CONFIG_SECTION}_${name}_$LENGTH=\$value"
			;;
		esac
	done < "$UCI_DIR/$1"
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

network_get_device() {
	case "$2" in
	lan) eval "$1=br-lan" ;;
	wan) eval "$1=eth1" ;;
	*) return 1 ;;
	esac
}
