// What busbar/rpc, which stands on channels, needs of them beyond their public names.
export { callPort, type CallListener, type CallPort, type HasCallPort } from './ends/call-port.ts';
export { BytesInput } from './joint-bytes/bytes-input.ts';
export { BytesOutput } from './joint-bytes/bytes-output.ts';
export { ChannelError, type Reason } from './reason.ts';
