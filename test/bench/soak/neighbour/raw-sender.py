# Sends IPv4 packets as they are, source address included, which Node.js cannot. One packet in hexadecimal per line;
# an empty line is answered with one, so that the other side knows that all before it has been sent.

import socket
import sys

sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for line in sys.stdin:
    if line == "\n":
        print(flush=True)
        continue
    packet = bytes.fromhex(line)
    try:
        sender.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
    except OSError:
        # Who is asked about a port that is closed gets told so, and the system tells the sender with the next packet.
        pass
