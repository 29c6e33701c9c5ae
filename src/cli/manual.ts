// What the documents are made from: commands and options as plain data. `cli/help-text.ts` fills it from its tables;
// the manual page, shell completion and the README's table are written from it.

export interface Manual {
  readonly version: string;
  readonly commands: readonly ManualCommand[];
  readonly options: readonly ManualOption[];
}

export interface ManualCommand {
  readonly name: string;
  readonly words: string;
  readonly summary: string;
  readonly details: string;
  readonly flags: readonly ManualFlag[];
}

export interface ManualFlag {
  readonly flag: string;
  /** Undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly isRepeatable: boolean;
  /** It is one of `Manual.options`, too. */
  readonly isConfiguration: boolean;
  readonly help: string;
}

export interface ManualOption extends ManualFlag {
  /** "lan.http_port". */
  readonly key: string;
  readonly environment: string;
  /** As TOML. */
  readonly standard: string;
}

// igd2pcp(8) as roff, written from the manual: `igd2pcp help --as man`.

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

// The configuration as documents show it: the README's table and a commented file to start from.

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** GitHub Markdown; the README holds it between two marks and a test compares. */
export function optionTableMarkdown({ options }: Manual): string {
  const rows = options.map(
    ({ key, flag, placeholder, environment, standard, help }) =>
      `| \`${key}\` | \`--${flag}${placeholder === undefined ? '' : ` ${cell(placeholder)}`}\` | \`${environment}\` | \`${cell(standard)}\` | ${cell(help)} |`,
  );
  return ['| key | flag | environment | default | meaning |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

/** A whole configuration file in which every line is commented out. */
export function optionTableToml({ options }: Manual): string {
  const sections = new Map<string, ManualOption[]>();
  for (const row of options) {
    const section = row.key.split('.')[0] ?? '';
    sections.set(section, [...(sections.get(section) ?? []), row]);
  }
  const lines = ['# igd2pcp. Every line shows a default; take away the # to change it.', ''];
  for (const [section, rows] of sections) {
    lines.push(`[${section}]`);
    for (const { key, standard, help } of rows) {
      lines.push(
        `# ${help}`,
        ...(key === 'policy.rule' ? RULE_EXAMPLE : [`#${key.slice(section.length + 1)} = ${standard}`]),
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

const RULE_EXAMPLE = [
  '#[[policy.rule]]',
  '#action = "allow"',
  '#client = "192.168.1.0/24"',
  '#external_ports = "1024-65535"',
  '#internal_ports = "1024-65535"',
];
