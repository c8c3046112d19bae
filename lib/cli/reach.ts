import process from 'node:process';
import { text } from 'node:stream/consumers';
import { InvalidArgumentError, Option } from 'commander';
import { textOf } from '../base/thrown.ts';
import { Client, type NodeClientOptions as ClientOptions } from '../bus/node-client.ts';
import { formatAddress, parseAddress } from '../transport/address.ts';
import { Misuse } from './failure.ts';

/** How commands say where a server is. */
export const addressArgument = [
  '<address>',
  'unix:PATH, PATH, HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT or pipe:NAME',
] as const;

export const dataArgument = ['<data>', 'JSON, or - for standard input'] as const;

/** What all commands against a server take. */
export interface ReachValues {
  readonly payload?: unknown;
  readonly timeout: number;
}

export const payloadOption = (): Option =>
  new Option('--payload <json>', 'what connect() gives, for the authorize of the server').argParser(parseJson);

export const timeoutOption = (): Option =>
  new Option('--timeout <ms>', 'how long it may take; 0: no limit').default(10_000).argParser(wholeNumber);

/** The value of an option. @throws InvalidArgumentError. */
export function wholeNumber(given: string): number {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('It is not a whole number.');
}

function parseJson(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${textOf(error)}`);
  }
}

/** Data as JSON; `-` reads it from standard input. @throws Misuse. */
export async function readData(given: string): Promise<unknown> {
  const json = given === '-' ? await text(process.stdin) : given;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Misuse(`the data is not JSON: ${textOf(error)}`);
  }
}

/** An address as URL; a path may stand alone. @throws Misuse. */
export function urlOf(given: string): string {
  let address: ReturnType<typeof parseAddress>;
  try {
    address = parseAddress(/^[./]/.test(given) ? `unix:${given}` : given);
  } catch (error) {
    throw new Misuse(textOf(error));
  }
  if (address.kind === 'memory' || address.kind === 'parent') {
    throw new Misuse(`a ${address.kind} address cannot be reached from a shell`);
  }
  return formatAddress(address);
}

/** How much is left of `--timeout`. */
export class TimeLeft {
  readonly #end: number;

  constructor(timeoutMs: number) {
    this.#end = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  }

  /** As settings of a call; 0 where there is no limit. */
  get timeout(): number {
    return this.#end === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.ceil(this.#end - performance.now()));
  }
}

/** A client whose failures are those of its calls. */
export const plainClient = (options: ClientOptions): Client =>
  new Client({ ...options, reconnect: false }).on('error', () => {});

/** Has `use` speak to a server as a plain client, and closes. */
export async function withClient<Result>(
  given: string,
  { payload, timeout }: ReachValues,
  use: (client: Client, left: TimeLeft) => Promise<Result>,
): Promise<Result> {
  const client = plainClient({ url: urlOf(given) });
  const left = new TimeLeft(timeout);
  try {
    await client.connect(payload, { timeout: left.timeout });
    return await use(client, left);
  } finally {
    await client.close();
  }
}
