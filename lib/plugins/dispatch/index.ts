export type { Device, Protocol } from './driver.ts';
export { type DeviceEvent, type DeviceEvents, DevicePort, type DevicePortEvents } from './device-port.ts';
export { DispatchPorts, type TcpPortOptions, type TlsPortOptions, type UdpPortOptions } from './dispatch-client.ts';
export type { Log, LogEvent } from './log.ts';
export { type DispatchMessage, decodeMessage, encodeMessage, type MessageType, messageType } from './message.ts';
export type { Allow, DispatchOptions, PortWish, TlsFiles } from './options.ts';
export { type DispatchServer, dispatch } from './plugin.ts';
export type { Statistics } from './ports.ts';
