import { Command, CommanderError, type OptionValues } from 'commander';
import { printable } from '../base/printable.ts';
import type { Surroundings } from './surroundings.ts';

/** What a command was given: its words in order, and its options by name. */
export interface Given<Values = object> {
  readonly words: readonly (string | undefined)[];
  readonly values: Values;
}

export interface CommandSettings {
  /** The exit code where it is called wrongly. */
  readonly usageCode?: 1 | 2;
  /** What is a word and not an option although it may begin with a hyphen. */
  readonly operand?: RegExp;
}

/** The command `busbar`: its commands, and how each of them is called. */
export class Program {
  readonly around: Surroundings;
  readonly root: Command;
  readonly #settings = new Map<string, CommandSettings>();
  #code = 0;

  constructor(version: string, around: Surroundings) {
    this.around = around;
    this.root = new Command('busbar')
      .usage('COMMAND [options]')
      .version(version, '-v, --version', 'tell the version')
      .helpOption('-h, --help', 'tell this')
      .helpCommand(false)
      .configureHelp({ styleTitle: (title) => title.toLowerCase(), helpWidth: 100 })
      .configureOutput({ writeOut: around.out, writeErr: around.complain, outputError() {} })
      .exitOverride();
  }

  /** `run` resolves with the exit code. Add its options to the returned command. */
  command<Values = object>(
    signature: string,
    description: string,
    run: (given: Given<Values>) => Promise<number>,
    settings: CommandSettings = {},
  ): Command {
    const command = this.root.command(signature).description(description);
    this.#settings.set(command.name(), settings);
    return command.action(async () => {
      this.#code = await run({
        words: command.processedArgs as (string | undefined)[],
        values: command.opts<Values & OptionValues>(),
      });
    });
  }

  /** Resolves with the exit code: 2, or that of the command, if the arguments are wrong. */
  async run(args: readonly string[]): Promise<number> {
    const [name = '', ...rest] = args;
    const { operand, usageCode = 2 } = this.#settings.get(name) ?? {};
    const operands = operand === undefined ? [] : rest.filter((arg) => operand.test(arg));
    const ordered =
      operands.length === 0 ? args : [name, ...rest.filter((arg) => !operands.includes(arg)), '--', ...operands];
    try {
      await this.root.parseAsync([...ordered], { from: 'user' });
      return this.#code;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return 0;
      const whole = this.#settings.has(name) ? `busbar ${name}` : 'busbar';
      // Without a command, the help was told.
      if (error.code !== 'commander.help') {
        const text = printable(error.message.replace(/^error: /, '')).replaceAll('\n', ' ');
        this.around.complain(`${whole}: ${text}; ${whole} --help tells what it takes\n`);
      }
      return usageCode;
    }
  }
}
