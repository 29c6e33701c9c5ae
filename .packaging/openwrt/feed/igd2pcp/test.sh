#!/bin/sh
# Run by the feed's CI after the package was installed: $1 is its name, $2 its version.

case "$1" in
igd2pcp)
	igd2pcp version | grep -F "${2%-r*}"
	/etc/init.d/igd2pcp enabled
	;;
esac
