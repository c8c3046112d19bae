export { MemoryFaults, type MemoryFaultsOptions } from '../transport/memory-faults.ts';
export { MemoryNetwork } from '../transport/memory.ts';
export { VirtualClock } from './virtual-clock.ts';
