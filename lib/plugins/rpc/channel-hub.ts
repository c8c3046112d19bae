import { BusError } from '../../base/errors.ts';
import { type CallPort, ChannelError } from '../channels/internal.ts';
import { FrameCodec, isCallFrame } from './frame.ts';
import { FramedCalls } from './framed-calls.ts';
import { RpcHub } from './hub.ts';
import { JointObjects } from './joint/joint-objects.ts';

/** The remote objects of a channel end; a key is a user number, 0 at a user's end. */
export interface ChannelHub {
  readonly port: CallPort;
  readonly hub: RpcHub<number>;
  readonly joint: JointObjects;
}

/** @throws BusError `ERR_STATE` for a channel that is over. */
export function channelHub(port: CallPort): ChannelHub {
  if (port.closed !== undefined) throw new BusError('ERR_STATE', 'The channel is over.');
  const codec = new FrameCodec();
  const lines = new Map<number, FramedCalls>();
  const hub = new RpcHub<number>({
    clock: port.clock,
    open: (user, session) => {
      const line = new FramedCalls({
        clock: port.clock,
        user,
        send: (frame) => port.send(user, codec.write(frame)),
        answer: (call, request) => session.answer(call, request),
        unclaimed: session.unclaimed,
      });
      lines.set(user, line);
      return line;
    },
    report: (error) => port.report(error),
    suspicious: (user) => port.suspicious(user),
  });
  const receive = (user: number, body: Uint8Array): void => {
    hub.session(user);
    try {
      const frame = codec.read(body);
      if (isCallFrame(frame)) lines.get(user)?.receive(frame);
      else hub.receive(user, frame);
    } catch {
      port.suspicious(user);
    }
  };
  const joint = new JointObjects(port);
  port.attach({
    call: receive,
    chunk: (user, bytes) => joint.receive(user, bytes),
    opened: (user, isJoint) => {
      if (isJoint) joint.announceTo(user);
    },
    gone: (user, reason) => {
      hub.gone(user, new ChannelError(reason));
      lines.delete(user);
      joint.gone(user, reason);
    },
  });
  return { port, hub, joint };
}
