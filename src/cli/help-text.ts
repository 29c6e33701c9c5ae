// `igd2pcp help`: the texts a terminal shows, and the manual's content, both derived from the tables of commands and
// options.

import { type AnyConfigOption, CONFIG_OPTIONS, environmentName } from '../config/config.ts';
import type { HelpForm } from './command-line.ts';
import { COMMAND_NAMES, COMMANDS, type CommandName, type CommandOption } from './command-table.ts';
import { configFlagsOf } from './flag-reader.ts';
import {
  type Manual,
  type ManualCommand,
  type ManualFlag,
  type ManualOption,
  manualPage,
  optionTableMarkdown,
  optionTableToml,
} from './manual.ts';
import { bashCompletion, zshCompletion } from './shell-completion.ts';

const ALL_OPTIONS: readonly AnyConfigOption[] = CONFIG_OPTIONS;

export function manualOf(version: string): Manual {
  return {
    version,
    commands: COMMAND_NAMES.map(commandOf),
    options: ALL_OPTIONS.filter((row) => !row.isHidden).map(optionOf),
  };
}

function commandOf(name: CommandName): ManualCommand {
  const { words, summary, details, options } = COMMANDS[name];
  const configuration = configFlagsOf(name).filter((row) => !row.isHidden);
  return { name, words, summary, details, flags: [...options.map(flagOf), ...configuration.map(configFlagOf)] };
}

const flagOf = ({ flag, kind, help }: CommandOption<unknown>): ManualFlag => ({
  flag,
  placeholder: kind.placeholder,
  isRepeatable: kind.isRepeatable,
  isConfiguration: false,
  help,
});

/** A switch that is on of itself is there to be switched off. */
const configFlagOf = (row: AnyConfigOption): ManualFlag => ({
  ...flagOf(row),
  flag: row.standard === true ? `no-${row.flag}` : row.flag,
  isConfiguration: true,
});

const optionOf = (row: AnyConfigOption): ManualOption => ({
  ...configFlagOf(row),
  key: row.key,
  environment: environmentName(row.flag),
  standard: row.kind.show(row.standard),
});

/** `help` in every form: the whole manual, or the text about one command. */
export function helpInForm(topic: CommandName | undefined, form: HelpForm, version: string): string {
  switch (form) {
    case 'text':
      return helpText(topic, version);
    case 'man':
      return manualPage(manualOf(version));
    case 'markdown':
      return optionTableMarkdown(manualOf(version));
    case 'toml':
      return optionTableToml(manualOf(version));
    case 'bash':
      return bashCompletion(manualOf(version));
    case 'zsh':
      return zshCompletion(manualOf(version));
  }
}

/** At most 80 columns. */
export function helpText(topic: CommandName | undefined, version: string): string {
  return topic === undefined ? overview(version) : helpOf(topic);
}

function overview(version: string): string {
  const names = COMMAND_NAMES.map(
    (name) => [`${name} ${COMMANDS[name].words}`.trim(), COMMANDS[name].summary] as const,
  );
  return [
    `igd2pcp ${version}: opens ports at the carrier for hosts that only speak UPnP`,
    '',
    'Usage: igd2pcp COMMAND [FLAGS]',
    '',
    ...names.flatMap(([usage, summary]) => entry(usage, summary, 18)),
    '',
    'igd2pcp help COMMAND says more. Every key of the configuration file has a flag',
    'and an environment variable: igd2pcp help run. Flags beat them all.',
    '',
  ].join('\n');
}

function helpOf(name: CommandName): string {
  const { words, summary, details, options } = COMMANDS[name];
  const configuration = configFlagsOf(name).filter((row) => !row.isHidden);
  const lines = [`Usage: ${['igd2pcp', name, words, '[FLAGS]'].filter((word) => word !== '').join(' ')}`, ''];
  lines.push(...wrap(`${capitalised(summary)}.${details === '' ? '' : ` ${details}`}`, 80, ''), '');
  for (const row of options) lines.push(...entry(usageOf(flagOf(row)), row.help, 26));
  if (configuration.length > 0 && options.length > 0) lines.push('');
  for (const row of configuration) {
    const standard = row.kind.show(row.standard);
    lines.push(...entry(usageOf(configFlagOf(row)), `${row.help} [${row.key} = ${standard}]`, 26));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

const usageOf = ({ flag, placeholder }: ManualFlag): string =>
  placeholder === undefined ? `--${flag}` : `--${flag} ${placeholder}`;

/** A term and what it means, side by side where the term is short enough. */
function entry(term: string, meaning: string, column: number): string[] {
  const indent = ' '.repeat(column);
  const lines = wrap(meaning, 80, indent);
  if (term.length + 4 > column) return [`  ${term}`, ...lines];
  return [`  ${term}`.padEnd(column) + (lines[0] ?? '').slice(column), ...lines.slice(1)];
}

function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
