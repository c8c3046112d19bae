import { Client, Server } from 'net-ipc';
import { interopTls, type Security } from './interop-tls.ts';

/**
 * A process that runs real net-ipc ends for the specs, which make them and call their methods by messages and hear every
 * event of theirs. Requests are answered with `['net-ipc', request]`.
 */
export type Order =
  | {
      readonly op: 'make';
      readonly name: string;
      readonly end: 'server' | 'client';
      readonly options: object;
      readonly security: Security;
    }
  | {
      readonly op: 'call';
      readonly name: string;
      readonly method: string;
      readonly args: readonly unknown[];
      readonly connection?: string;
    }
  | { readonly op: 'drop'; readonly name: string };

interface Methods {
  [method: string]: ((...args: readonly unknown[]) => unknown) | undefined;
}

const ends = new Map<string, Server | Client>();
const events = ['ready', 'connect', 'disconnect', 'close', 'status', 'message', 'error'];

function make(name: string, end: 'server' | 'client', options: object, security: Security): void {
  const secure = interopTls(end, security);
  const made = end === 'server' ? new Server({ ...options, ...secure }) : new Client({ ...options, ...secure });
  const emitter: NodeJS.EventEmitter = made;
  for (const event of events) {
    emitter.on(event, (...args: unknown[]) => process.send?.({ name, event, args: args.map(plain) }));
  }
  emitter.on('request', (request: unknown, respond: (answer: unknown) => Promise<void>) => {
    respond(['net-ipc', request]).catch(() => {});
  });
  ends.set(name, made);
}

/** Connections travel as their id. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return { error: value.message };
  return typeof value === 'object' && value !== null && 'server' in value && 'id' in value ? value.id : value;
}

async function call(order: Extract<Order, { op: 'call' }>): Promise<unknown> {
  const end = ends.get(order.name);
  const target: unknown =
    end instanceof Server && order.connection !== undefined
      ? end.connections.find(({ id }) => id === order.connection)
      : end;
  const result: unknown = await (target as Methods)[order.method]?.(...order.args);
  return result === target || result === end ? undefined : result;
}

function drop(name: string): void {
  const end = ends.get(name);
  ends.delete(name);
  // net-ipc shares this queue among all its ends and forgets some who wait in it; the next end finds it as in a new process.
  const shared: object = Client.prototype;
  if ('_drainQueue' in shared && Array.isArray(shared._drainQueue)) shared._drainQueue.length = 0;
  end?.removeAllListeners();
  end?.on('error', () => {});
  if (end instanceof Client) {
    const socket = end.connection;
    end.destroy();
    socket?.destroy();
  } else if (end !== undefined) {
    for (const connection of [...end.connections]) connection.connection?.destroy();
    end.server?.close();
  }
}

process.on('message', ({ number, order }: { number: number; order: Order }) => {
  const work = async (): Promise<unknown> => {
    if (order.op === 'make') return make(order.name, order.end, order.options, order.security);
    return order.op === 'call' ? call(order) : drop(order.name);
  };
  work().then(
    (value) => process.send?.({ number, value }),
    (error: unknown) => process.send?.({ number, failure: error instanceof Error ? error.message : String(error) }),
  );
});
// net-ipc leaves the failures of its own retries to nobody.
process.on('unhandledRejection', () => {});
// It is the other end of what is tested: the specs go on with it whatever a broken link did to it.
process.on('uncaughtException', () => {});
process.on('disconnect', () => process.exit());
process.send?.({ name: '', event: 'started', args: [] });
