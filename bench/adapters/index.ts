import type { Adapter } from './adapter.ts';
import { bareAdapter } from './bare.ts';
import { busbarAdapters } from './busbar.ts';
import { messageChannelAdapter } from './message-channel.ts';
import { natsAdapter } from './nats.ts';
import { netIpcAdapters } from './net-ipc.ts';
import { nodeIpcAdapter } from './node-ipc.ts';
import { processSendAdapters } from './process-send.ts';
import { socketIoAdapter } from './socket-io.ts';
import { wsAdapter } from './ws.ts';
import { zeromqAdapter } from './zeromq.ts';

/** All peers, busbar first. */
export const adapters: readonly Adapter[] = [
  ...busbarAdapters,
  bareAdapter,
  ...netIpcAdapters,
  nodeIpcAdapter,
  wsAdapter,
  socketIoAdapter,
  zeromqAdapter,
  natsAdapter,
  ...processSendAdapters,
  messageChannelAdapter,
];

export function adapterCalled(name: string): Adapter {
  const found = adapters.find((adapter) => adapter.name === name);
  if (found === undefined) throw new Error(`There is no peer "${name}"`);
  return found;
}
