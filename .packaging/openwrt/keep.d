/etc/igd2pcp/
