import type { Adapter } from './adapter.ts';
import { bareAdapter } from './bare.ts';
import { busbarAdapters } from './busbar.ts';
import { netIpcAdapters } from './net-ipc.ts';

export const adapters: readonly Adapter[] = [
  ...busbarAdapters,
  bareAdapter,
  ...netIpcAdapters,
];

export function adapterCalled(name: string): Adapter {
  const found = adapters.find((adapter) => adapter.name === name);
  if (found === undefined) throw new Error(`There is no peer "${name}"`);
  return found;
}
