import { BusError } from '../../base/errors.ts';
import { type CallPort, ChannelError } from '../channels/internal.ts';
import { FrameCodec } from './frame.ts';
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
  const hub = new RpcHub<number>({
    clock: port.clock,
    send: (user, frame) => port.send(user, codec.write(frame)),
    greet: () => Promise.resolve(),
    report: (error) => port.report(error),
    suspicious: (user) => port.suspicious(user),
  });
  const receive = (user: number, body: Uint8Array): void => {
    let frame: unknown;
    try {
      frame = codec.read(body);
    } catch {
      port.suspicious(user);
      return;
    }
    hub.receive(user, frame);
  };
  const joint = new JointObjects(port);
  port.attach({
    call: (user, body) => receive(user, body),
    chunk: (user, bytes) => joint.receive(user, bytes),
    opened: (user, isJoint) => {
      if (isJoint) joint.announceTo(user);
    },
    gone: (user, reason) => {
      hub.gone(user, new ChannelError(reason));
      joint.gone(user);
    },
  });
  return { port, hub, joint };
}
