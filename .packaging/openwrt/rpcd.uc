#!/usr/bin/env ucode
// `ubus call igd2pcp status|mappings|delete|doctor`: rpcd asks the daemon's socket. Answers are those of its API.

'use strict';

import { connect } from 'socket';
import { popen } from 'fs';

const SOCKET = '/var/run/igd2pcp/admin.sock';

function ask(method, path) {
	const connection = connect({ path: SOCKET }, null, null, 5000);
	if (!connection)
		return { error: 'igd2pcp does not run' };

	connection.send(`${method} ${path} HTTP/1.0\r\n\r\n`);
	let answer = '';
	for (let part = connection.recv(65536); length(part); part = connection.recv(65536))
		answer += part;
	connection.close();

	const body = index(answer, '\r\n\r\n');
	try {
		return body < 0 ? { error: 'igd2pcp did not answer' } : (json(substr(answer, body + 4)) ?? {});
	}
	catch (e) {
		return { error: 'igd2pcp gave no JSON' };
	}
}

function remove(request) {
	const protocol = request.args.protocol;
	const port = request.args.port;
	const remote = request.args.remote_host ?? '';
	// Nothing but a protocol, a number and an address gets into the request's line.
	if (!match(protocol, /^(TCP|UDP|tcp|udp)$/) || !(port >= 1 && port <= 65535) || !match(remote, /^[0-9a-fA-F.:]*$/))
		return { error: 'protocol must be TCP or UDP, port a number from 1 to 65535' };
	const answer = ask('DELETE', `/api/mappings?protocol=${uc(protocol)}&externalPort=${+port}&remoteHost=${remote}`);
	return { deleted: !answer.error, ...answer };
}

function doctor() {
	const command = popen('/usr/bin/igd2pcp doctor 2>&1');
	const text = command.read('all');
	return { text, code: command.close() };
}

return {
	igd2pcp: {
		status: { call: () => ask('GET', '/api/status') },
		mappings: { call: () => ask('GET', '/api/mappings') },
		delete: { args: { protocol: 'TCP', port: 8080, remote_host: '' }, call: remove },
		doctor: { call: doctor }
	}
};
