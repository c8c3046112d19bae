import { type ChildProcess, fork } from 'node:child_process';
import type { Adapter, ClientEnd, Handlers } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';

const fullMessages = 1_000;

/** The channel between a process and the one it forked. */
function adapter(name: string, serialization: 'json' | 'advanced'): Adapter {
  let handlers: Handlers | undefined;
  let child: ChildProcess | undefined;

  async function connect(): Promise<ClientEnd> {
    const asking = new Asking();
    let waiting = 0;
    let room: (() => void) | undefined;
    const send = (envelope: Envelope): void => {
      waiting += 1;
      process.send?.(envelope, undefined, undefined, () => {
        waiting -= 1;
        if (waiting < fullMessages / 4) room?.();
      });
    };
    process.on('message', ({ i, d }: Envelope) => asking.answered(i, d));
    return Promise.resolve({
      send: (data: object) => {
        send({ i: 0, d: data });
        return waiting < fullMessages ? undefined : new Promise<void>((resolve) => (room = resolve));
      },
      request: (data: object) => asking.ask((i) => send({ i, d: data })),
      close: () => undefined,
    });
  }

  return {
    name,
    maxClients: 1,
    broadcasts: false,
    binary: serialization === 'advanced',
    serve: (_, given) => {
      handlers = given;
      const close = (): undefined => {
        child?.kill();
      };
      return Promise.resolve({ close });
    },
    connect,
    spawn: (file, args) => {
      child = fork(file, args, { serialization, execArgv: process.execArgv });
      child.on('message', ({ i, d }: Envelope) => {
        if (i === 0) handlers?.message(d);
        else child?.send({ i, d: handlers?.request(d) });
      });
    },
  };
}

export const processSendAdapters: readonly Adapter[] = [
  adapter('process.send JSON', 'json'),
  adapter('process.send advanced', 'advanced'),
];
