import { FrameType, headerBytes, writeHeader } from './header.ts';

export const heartbeatFrame = controlFrame(FrameType.heartbeat);
export const heartbeatReplyFrame = controlFrame(FrameType.heartbeatReply);

function controlFrame(type: number): Uint8Array {
  const frame = typeof Buffer === 'function' ? Buffer.alloc(headerBytes) : new Uint8Array(headerBytes);
  writeHeader(frame, 0, 0, type, 0, 0, 0);
  return frame;
}
