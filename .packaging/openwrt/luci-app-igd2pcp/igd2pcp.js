
'require form';
'require poll';
'require rpc';
'require ui';
'require view';
'require tools.widgets as widgets';

// Open ports and their state on top, the configuration below. Texts from clients go into the page as text nodes only.

const callStatus = rpc.declare({ object: 'igd2pcp', method: 'status' });
const callMappings = rpc.declare({ object: 'igd2pcp', method: 'mappings' });
const callDelete = rpc.declare({
	object: 'igd2pcp',
	method: 'delete',
	params: [ 'protocol', 'port', 'remote_host' ]
});

const POLL_EVERY_S = 5;

function inWords(seconds) {
	if (seconds == null)
		return _('no end');
	const days = Math.floor(seconds / 86400);
	const hours = Math.floor((seconds % 86400) / 3600);
	const minutes = Math.floor((seconds % 3600) / 60);
	if (days > 0)
		return '%dd %dh'.format(days, hours);
	return (hours > 0) ? '%dh %dm'.format(hours, minutes) : '%dm %ds'.format(minutes, Math.floor(seconds % 60));
}

function stateOf(mapping) {
	const words = {
		granted: _('open'),
		restoring: _('being restored'),
		degraded: _('does not work'),
		deleting: _('being closed')
	};
	return (words[mapping.state] || mapping.state) + (mapping.reason ? ': ' + mapping.reason : '');
}

function close(mapping, button) {
	button.disabled = true;
	return callDelete(mapping.protocol, mapping.externalPort, mapping.remoteHost).then((answer) => {
		if (answer.error)
			ui.addNotification(null, E('p', {}, [ _('The port was not closed: ') + answer.error ]), 'danger');
		return refresh();
	});
}

function row(mapping) {
	const assigned = (mapping.assignedPort !== mapping.externalPort) ? ' (' + mapping.assignedPort + ')' : '';
	return [
		E('span', {}, [ mapping.hostName || mapping.internalAddress ]),
		mapping.internalAddress + ':' + mapping.internalPort,
		mapping.protocol + ' ' + mapping.externalPort + assigned,
		E('span', {}, [ mapping.description ]),
		E('span', {}, [ mapping.madeBy.address + ' ' + mapping.madeBy.userAgent ]),
		inWords(mapping.leaseSecondsLeft),
		E('span', { 'class': 'igd2pcp-state-' + mapping.state }, [ stateOf(mapping) ]),
		E('button', {
			'class': 'btn cbi-button-remove',
			'click': (event) => close(mapping, event.currentTarget)
		}, [ _('Close') ])
	];
}

function show(status, list) {
	const health = document.getElementById('igd2pcp-health');
	const table = document.getElementById('igd2pcp-mappings');
	if (!health || !table)
		return;
	health.className = 'alert-message ' + (status.health?.level === 'good' ? 'success' : 'warning');
	health.textContent = status.error || status.health?.sentence || _('igd2pcp does not run');
	cbi_update_table(table, (list.mappings || []).map(row), E('em', {}, [ _('No port is open.') ]));
}

function refresh() {
	return Promise.all([ callStatus(), callMappings() ]).then((answers) => {
		show(answers[0] || {}, answers[1] || {});
	});
}

function statusPart() {
	const titles = [ _('Host'), _('Internal'), _('Port'), _('For'), _('Opened by'), _('Ends in'), _('State'), '' ];
	return E('div', { 'class': 'cbi-section' }, [
		E('h3', {}, [ _('Open ports') ]),
		E('p', { 'id': 'igd2pcp-health', 'class': 'alert-message' }, [ _('Asking igd2pcp…') ]),
		E('table', { 'id': 'igd2pcp-mappings', 'class': 'table' }, [
			E('tr', { 'class': 'tr table-titles' }, titles.map((title) => E('th', { 'class': 'th' }, [ title ])))
		])
	]);
}

function basics(map) {
	let s = map.section(form.NamedSection, 'main', 'igd2pcp', _('Service'));
	s.option(form.Flag, 'enabled', _('Enabled'));

	s = map.section(form.NamedSection, 'lan', 'lan', _('LAN'));
	let o = s.option(widgets.NetworkSelect, 'interfaces', _('Networks'), _('Hosts in these networks may open ports.'));
	o.multiple = true;
	o = s.option(form.Value, 'http_port', _('TCP port'), _('For descriptions, control and events.'));
	o.datatype = 'port';
	o.placeholder = '5000';
	o = s.option(form.ListValue, 'igd', _('Device'), _('Both side by side: each client finds its own.'));
	o.value('', _('IGD:1 and IGD:2'));
	o.value('1', 'IGD:1');
	o.value('2', 'IGD:2');
	o.optional = true;
}

function upstream(map) {
	let s = map.section(form.NamedSection, 'wan', 'wan', _('WAN'));
	s.option(widgets.NetworkSelect, 'interface', _('Network'));
	let o = s.option(form.ListValue, 'nat', _('NAT on this router'));
	o.value('nftables', _('Yes: a rule for each open port'));
	o.value('none', _('No: DS-Lite or a routed LAN'));
	o = s.option(form.Flag, 'hairpin', _('Hairpin'), _('LAN hosts reach open ports by the external address, too.'));

	s = map.section(form.NamedSection, 'pcp', 'pcp', _('PCP server'));
	o = s.option(form.DynamicList, 'servers', _('Servers'), _('"auto": what DHCP said, then the default gateway.'));
	o = s.option(form.Flag, 'trusted', _('Trusted network'), _('Must be set without NAT on this router.'));
}

function rights(map) {
	let s = map.section(form.NamedSection, 'policy', 'policy', _('Limits'));
	s.addremove = true;
	let o = s.option(form.Flag, 'own_address_only', _('Own address only'), _('A host opens ports for itself only.'));
	o.default = o.enabled;
	o.rmempty = false;
	o = s.option(form.Value, 'min_port', _('Lowest port'));
	o.datatype = 'port';
	o.placeholder = '1024';

	s = map.section(form.TableSection, 'rule', _('Rules'), _('The first match decides. With rules, what matches none is refused.'));
	s.addremove = true;
	s.anonymous = true;
	s.sortable = true;
	o = s.option(form.ListValue, 'action', _('Action'));
	o.value('allow', _('Allow'));
	o.value('deny', _('Deny'));
	o = s.option(form.Value, 'client', _('Client'), _('Address, prefix or MAC'));
	o.placeholder = 'any';
	for (const name of [ 'external_ports', 'internal_ports' ]) {
		o = s.option(form.Value, name, name === 'external_ports' ? _('External ports') : _('Internal ports'));
		o.placeholder = '1024-65535';
		o.datatype = 'portrange';
	}
}

return view.extend({
	render: () => {
		const map = new form.Map('igd2pcp', _('UPnP through the carrier'),
			_('Programs in the LAN open ports by UPnP; igd2pcp opens them at the carrier\'s NAT by PCP.'));
		basics(map);
		upstream(map);
		rights(map);
		return map.render().then((configuration) => {
			poll.add(refresh, POLL_EVERY_S);
			// The elements are found by their id, so the first answer waits until they are in the page.
			window.setTimeout(refresh, 0);
			return E([], [ statusPart(), configuration ]);
		});
	}
});
