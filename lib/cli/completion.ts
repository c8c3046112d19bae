import { Argument, type Command } from 'commander';
import type { Given, Program } from './program.ts';

const shells = ['bash', 'zsh'] as const;
const howTo = `
  bash:  eval "$(busbar completion bash)"        in ~/.bashrc
  zsh:   busbar completion zsh > DIR/_busbar     in a folder of $fpath, before compinit
`;

/** `busbar completion`: what a shell completes the commands and their options by. */
export function addCompletion(program: Program): void {
  const act = async ({ words: [shell] }: Given): Promise<number> => {
    const commands = [...program.root.commands];
    program.around.out(shell === 'zsh' ? zsh(commands) : bash(commands));
    return 0;
  };
  program
    .command('completion', 'print what a shell completes busbar by', act)
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', howTo);
}

const namesOf = (command: Command): string[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
    return `      ${command.name()}) words="${[...choices, ...namesOf(command)].join(' ')}" ;;`;
  });
  const names = commands.map((command) => command.name()).join(' ');
  return `_busbar() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${names} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _busbar busbar
`;
}

function zsh(commands: readonly Command[]): string {
  const named = commands.map((command) => quoted(`${command.name()}:${command.description()}`));
  const cases = commands.map((command) => {
    const options = command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ long, description, required, flags }) => {
        if (typeof long !== 'string') return [];
        const value = required ? `:${/<(.+)>/.exec(flags)?.[1] ?? 'value'}:_files` : '';
        return [quoted(`${long}[${description.replaceAll(/[[\]:]/g, ' ')}]${value}`)];
      });
    const words = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
    const rest = quoted(words.length > 0 ? `*:word:(${words.join(' ')})` : '*:file:_files');
    return `    ${command.name()}) _arguments ${[...options, rest].join(' ')} ;;`;
  });
  return `#compdef busbar
_busbar() {
  if (( CURRENT == 2 )); then
    local -a commands=(${named.join(' ')})
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _busbar ]; then _busbar "$@"; else compdef _busbar busbar; fi
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
