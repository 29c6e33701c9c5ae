// The configuration as documents show it: the README's table and a commented file to start from.

import type { Manual, ManualOption } from './manual.ts';

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
