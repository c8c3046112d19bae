export type { Device, Protocol } from './device.ts';
export type { Log, LogEvent } from './log.ts';
export { type DispatchMessage, decodeMessage, encodeMessage, type MessageType, messageType } from './message.ts';
export type { Allow, DispatchOptions, PortWish, TlsFiles } from './options.ts';
export type { Statistics } from './statistics.ts';
