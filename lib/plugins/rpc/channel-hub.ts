import { BusError } from '../../base/errors.ts';
import { MessageCodec } from '../../bus/plugin.ts';
import { type CallPort, ChannelError } from '../channels/internal.ts';
import { ChannelTransport } from './channel-transport.ts';
import { isCallFrame } from './frame.ts';
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
  if (port.closed !== undefined) throw new BusError('ERR_STATE', 'The channel has ended');
  const codec = new MessageCodec();
  const transports = new Map<number, ChannelTransport>();
  const hub = new RpcHub<number>({
    clock: port.clock,
    open: (user, session) => {
      const transport = new ChannelTransport({
        clock: port.clock,
        user,
        send: (frame) => port.send(user, codec.encode(frame)),
        answer: (call, request) => session.answer(call, request),
        unclaimed: session.unclaimed,
      });
      transports.set(user, transport);
      return transport;
    },
    report: (error) => port.report(error),
    suspicious: (user) => port.suspicious(user),
  });
  const receive = (user: number, body: Uint8Array): void => {
    hub.session(user);
    try {
      const frame = codec.decode(body);
      if (isCallFrame(frame)) transports.get(user)?.receive(frame);
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
      transports.delete(user);
      joint.gone(user, reason);
    },
  });
  return { port, hub, joint };
}
