#!/bin/sh
# The life of the .deb: installed, configured in three lines, started as the unit starts it, used, upgraded with its
# mappings, bereft of its carrier, purged. Runs in namespaces of its own over a throw-away copy of the file system; see
# deb.mjs. Arguments: the first and the second package.
set -eu
first=$1 second=$2

step() { echo "ok   $*"; }
fail() { echo "FAIL $*"; exit 1; }
expect() { # words in the output of a command
  words=$1; shift
  said=$("$@" 2>&1) || true
  case "$said" in *"$words"*) ;; *) printf '%s\n' "$said"; fail "\"$words\" is not in the answer of: $*" ;; esac
}

ip link set lo up
ip netns add deb-host
ip link add br-lan type veth peer name host0 netns deb-host
ip address add 192.168.77.1/24 dev br-lan
ip link set br-lan up
on_the_host() { ip netns exec deb-host "$@"; }
on_the_host ip address add 192.168.77.10/24 dev host0
on_the_host ip link set host0 up
on_the_host ip route add default via 192.168.77.1

dpkg -i "$first" > /dev/null
[ "$(stat -c '%U %a' /var/lib/igd2pcp)" = 'igd2pcp 700' ] || fail "the state directory is not its own"
compiled=/usr/lib/igd2pcp/igd2pcp.compiled
[ "$(stat -c '%U %a' "$compiled")" = 'root 644' ] || fail "there is no compiled form for quick starts"
step "is installed: $(igd2pcp version)"

igd2pcp check-config > /dev/null 2>&1 && fail "the shipped configuration should ask for three lines"
sed -i -e 's/^#interfaces = .*/interfaces = ["br-lan"]/' -e 's/^#trusted = .*/trusted = true/' \
  -e 's/^\[pcp\]/[pcp]\nservers = ["127.0.0.1"]/' /etc/igd2pcp.toml
expect 'is fine' igd2pcp check-config
step 'is configured with three lines'

igd2pcp simulate --listen 127.0.0.1:5351 --external 1.2.3.4 --third-party > /tmp/carrier.log 2>&1 &
carrier=$!
sleep 1
igd2pcp doctor > /tmp/doctor.log 2>&1 || { cat /tmp/doctor.log; fail 'doctor found something wrong'; }
step "doctor: $(sed -n 's/^Verdict: //p' /tmp/doctor.log)"

# As the unit starts it: its user, no capability, no new privileges.
start() {
  install -d -m 0750 -o igd2pcp -g igd2pcp /run/igd2pcp
  setpriv --reuid igd2pcp --regid igd2pcp --clear-groups --bounding-set -all --no-new-privs \
    $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/igd2pcp.service) > /tmp/daemon.log 2>&1 &
  daemon=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    igd2pcp status > /dev/null 2>&1 && return
    sleep 0.5
  done
  cat /tmp/daemon.log
  igd2pcp status || true
  fail 'the daemon did not come up'
}
# As systemd ends it: SIGTERM, and TimeoutStopSec to say goodbye.
end() {
  kill "$1"
  for _ in $(seq 30); do
    kill -0 "$1" 2> /dev/null || return 0
    sleep 0.5
  done
  kill -9 "$1"
  fail "process $1 does not end on SIGTERM"
}
start
tr '\0' ' ' < "/proc/$daemon/cmdline" | grep -q -e '--max-old-space-size=192 ' || fail 'the memory is not limited'
step "runs unprivileged, in $(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status") / 1024)) MiB"

expect 'now leads to 192.168.77.10:80' igd2pcp add tcp 8080 192.168.77.10:80 --lease 2h
expect '8080' igd2pcp list
expect '192.168.77.10:80' igd2pcp list
expect '1 port is open at 1.2.3.4' igd2pcp status
step 'maps, lists and says so'

# An application on a LAN host finds the gateway by itself.
command -v upnpc > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y miniupnpc > /dev/null
expect 'is redirected to internal 192.168.77.10:6881' on_the_host upnpc -a 192.168.77.10 6881 6881 TCP 3600
page() { /usr/lib/igd2pcp/node -e 'fetch("http://127.0.0.1:5080/").then((r) => r.text()).then(console.log)'; }
expect '192.168.77.10:6881' igd2pcp list
expect '192.168.77.10:6881' timeout 3 igd2pcp watch
expect '192.168.77.10:6881' page
step 'an application maps; list, watch and the page show it'

before=$(stat -c %Z "$compiled")
sleep 1
dpkg -i "$second" > /dev/null
[ "$(stat -c %Z "$compiled")" -gt "$before" ] || fail 'the compiled form is of the version before'
end "$daemon"
start
expect '192.168.77.10:80' igd2pcp list
expect 'open' igd2pcp list
step "is upgraded, and the mapping is still there"

rm "$compiled"
dpkg-trigger --no-await --by-package=nodejs /usr/bin/node
dpkg --configure --pending > /dev/null
[ -e "$compiled" ] || fail 'another Node.js finds the compiled form of the one before'
step 'is compiled anew for another Node.js'

end "$carrier"
igd2pcp add tcp 8081 192.168.77.10:81 > /dev/null 2>&1 && fail 'a port was opened without a carrier'
for _ in $(seq 60); do
  igd2pcp status > /tmp/status.log 2>&1 || break
  sleep 1
done
expect 'has not answered' cat /tmp/status.log
expect 'has not answered' page
expect 'has not answered' timeout 3 igd2pcp watch
expect 'not connected' on_the_host upnpc -a 192.168.77.10 6882 6882 TCP 3600
step "says within a minute that the carrier is gone, on every surface: $(head -n 1 /tmp/status.log)"

end "$daemon"
dpkg --purge igd2pcp > /dev/null 2>&1
for left in /var/lib/igd2pcp /etc/igd2pcp.toml /usr/bin/igd2pcp /usr/lib/igd2pcp; do
  [ ! -e "$left" ] || fail "$left is left behind"
done
getent passwd igd2pcp > /dev/null && fail 'the user is left behind'
step 'is purged without a trace'
