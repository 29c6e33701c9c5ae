// igd2pcp(8) as roff, written from the manual: `igd2pcp help --as man`.

import type { Manual, ManualCommand, ManualFlag, ManualOption } from './manual.ts';

/** A dot or quote at the start of a line would be a macro; a bare hyphen may become a dash. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const italic = (text: string): string => `\\fI${roff(text)}\\fR`;

export function manualPage(manual: Manual): string {
  return [
    `.TH IGD2PCP 8 "" "igd2pcp ${roff(manual.version)}" "System Administration"`,
    '.SH NAME',
    roff('igd2pcp - opens ports at the carrier for hosts that only speak UPnP'),
    '.SH SYNOPSIS',
    `${bold('igd2pcp')} ${italic('COMMAND')} [${italic('FLAGS')}]`,
    '.SH DESCRIPTION',
    roff(
      'Applications and consoles ask their gateway for an open port with UPnP IGD. Behind a carrier that shares its',
    ),
    roff(
      'addresses, only the carrier can open one, and the language for that is PCP. This daemon translates, as RFC 6970',
    ),
    roff('says: it is a UPnP gateway to the LAN and a PCP client to the carrier.'),
    '.SH COMMANDS',
    ...manual.commands.flatMap(commandLines),
    '.SH CONFIGURATION',
    roff(
      'TOML, in /etc/igd2pcp.toml or where --config says. Flags beat the environment, the environment beats the file.',
    ),
    roff('SIGHUP reads it again without dropping a mapping.'),
    ...manual.options.flatMap(optionLines),
    '.SH EXIT STATUS',
    '.TP\n.B 0\nAll is fine.',
    '.TP\n.B 1\nIt ran, and the answer is no: unhealthy, or refused.',
    '.TP\n.B 2\nWrong usage or configuration; one line says what to mend.',
    '.SH FILES',
    '.TP\n.I /etc/igd2pcp.toml\nThe configuration.',
    '.TP\n.I /var/lib/igd2pcp\nMappings and device UUIDs.',
    '.TP\n.I /run/igd2pcp.sock\nWhere the commands find the daemon.',
    '.SH STANDARDS',
    'RFC 6970, RFC 6887, RFC 6886, UPnP Device Architecture 1.1, InternetGatewayDevice:1 and :2.',
    '',
  ].join('\n');
}

function commandLines({ name, words, summary, details, flags }: ManualCommand): string[] {
  // What a flag of the configuration means is said once, further down.
  const own = flags.filter(({ isConfiguration }) => !isConfiguration);
  return [
    '.TP',
    words === '' ? bold(name) : `${bold(name)} ${italic(words)}`,
    roff(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.${details === '' ? '' : ` ${details}`}`),
    ...(own.length === 0 ? [] : ['.RS', ...own.flatMap(flagLines), '.RE']),
  ];
}

const flagText = ({ flag, placeholder }: ManualFlag): string =>
  placeholder === undefined ? bold(`--${flag}`) : `${bold(`--${flag}`)} ${italic(placeholder)}`;

const flagLines = (flag: ManualFlag): string[] => ['.TP', flagText(flag), roff(flag.help)];

const optionLines = (option: ManualOption): string[] => [
  '.TP',
  `${bold(option.key)}, ${flagText(option)}, ${option.environment}`,
  roff(`${option.help} Default: ${option.standard}`),
];
