export type { MemoryPair, DirectionFaults, LinkFaults } from '../transport/memory-faults.ts';
export { MemoryFaults, type MemoryFaultsOptions } from '../transport/memory-faults.ts';
export { MemoryNetwork } from '../transport/memory.ts';
export type { ProxyFaults } from './fault-options.ts';
export { FaultProxy, type FaultProxyOptions, type ProxyAddress } from './fault-proxy.ts';
export { SeededRandom } from './seeded-random.ts';
export { VirtualClock } from './virtual-clock.ts';
