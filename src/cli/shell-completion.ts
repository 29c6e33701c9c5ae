// Completion for bash and zsh, written from the manual: `igd2pcp help --as bash`. Nothing of it runs the daemon.

import type { Manual, ManualCommand, ManualFlag } from './manual.ts';

const flagNames = (command: ManualCommand): string => command.flags.map(({ flag }) => `--${flag}`).join(' ');

/** Choices are written "a|b|c" in the manual. */
const choicesOf = ({ placeholder }: ManualFlag): readonly string[] =>
  placeholder?.includes('|') && /^[a-z0-9|-]+$/.test(placeholder) ? placeholder.split('|') : [];

const takesFile = ({ placeholder }: ManualFlag): boolean => placeholder === 'FILE' || placeholder === 'DIRECTORY';

function allFlags({ commands }: Manual): readonly ManualFlag[] {
  const flags = new Map<string, ManualFlag>();
  for (const command of commands) for (const flag of command.flags) flags.set(flag.flag, flag);
  return [...flags.values()];
}

export function bashCompletion(manual: Manual): string {
  const names = manual.commands.map(({ name }) => name).join(' ');
  const flags = allFlags(manual);
  const choices = flags
    .filter((flag) => choicesOf(flag).length > 0)
    .map(
      (flag) => `    --${flag.flag}) COMPREPLY=($(compgen -W "${choicesOf(flag).join(' ')}" -- "$word")); return ;;`,
    );
  const files = flags.filter(takesFile).map(({ flag }) => `--${flag}`);
  const cases = manual.commands.map(
    (command) => `    ${command.name}) COMPREPLY=($(compgen -W "${flagNames(command)}" -- "$word")) ;;`,
  );
  return `# bash completion for igd2pcp
_igd2pcp() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$word"))
    return
  fi
  case $before in
${choices.join('\n')}
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    help) COMPREPLY=($(compgen -W "${names}" -- "$word")); return ;;
    add|delete) COMPREPLY=($(compgen -W "tcp udp" -- "$word")); return ;;
    check-config) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
  case $word in -*) ;; *) return ;; esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
}
complete -o filenames -F _igd2pcp igd2pcp
`;
}

/** Inside single quotes, brackets and colons have a meaning to _arguments. */
const zshText = (text: string): string => text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&');

function zshFlag(flag: ManualFlag): string {
  const { placeholder } = flag;
  const choices = choicesOf(flag);
  const value = choices.length > 0 ? `(${choices.join(' ')})` : takesFile(flag) ? '_files' : '';
  const argument = placeholder === undefined ? '' : `:${zshText(placeholder)}:${value}`;
  return `'${flag.isRepeatable ? '*' : ''}--${flag.flag}[${zshText(flag.help)}]${argument}'`;
}

export function zshCompletion(manual: Manual): string {
  const commands = manual.commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'`);
  const cases = manual.commands.map((command) => {
    const words =
      command.name === 'add' || command.name === 'delete'
        ? ["'1:protocol:(tcp udp)'"]
        : command.name === 'help'
          ? ["'1:command:_igd2pcp_commands'"]
          : command.name === 'check-config'
            ? ["'1:file:_files'"]
            : [];
    const rows = [...words, ...command.flags.map(zshFlag)];
    return `    ${command.name}) ${rows.length === 0 ? ':' : `_arguments ${rows.join(' \\\n      ')}`} ;;`;
  });
  return `#compdef igd2pcp
_igd2pcp_commands() {
  local -a commands=(
${commands.join('\n')}
  )
  _describe command commands
}
_igd2pcp() {
  if (( CURRENT == 2 )); then
    _igd2pcp_commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
_igd2pcp "$@"
`;
}
