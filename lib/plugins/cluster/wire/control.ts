import { allocateShared } from '../../../base/bytes.ts';
import { count, type ListMessage, listReader, object, optional, type Shape, text } from '../../../base/shape.ts';
import { MessageCodec } from '../../../bus/plugin.ts';
import { PacketKind } from './packet.ts';
import type { Seal } from './seal.ts';
import { isNodeName } from './subjects.ts';

const node: Shape<string> = isNodeName;
const mark = object({ pid: count(), start: count(), place: text(256) });
/** Each begins with who says it. */
const from = [node, count()] as const;

/** What nodes say to each other beside their sessions. */
const controls = {
  /** I am here: number of this beat, connections, sequence of my last broadcast. */
  beat: [...from, count(), count(), count()],
  leave: [...from, count()],
  /** Nobody listens to that node any more; look for yourself. */
  gone: [...from, node, count()],
  /** I want the name. */
  claim: [...from],
  /** The name is mine. */
  taken: [...from],
  /** Who are you? With what is to be said again in the answer, and connections. */
  hello: [...from, count(), count()],
  /** What the hello said, connections, from which of my broadcasts on you are owed all, and which process I am. */
  welcome: [...from, count(), count(), count(), optional(mark)],
  /** Your broadcasts that I have received: all up to this one. */
  got: [...from, count()],
  /** Send again from this broadcast of yours on. */
  ask: [...from, count()],
  /** My last broadcast, and the first one that I still have. */
  note: [...from, count(), count()],
} as const;

export type Control = ListMessage<typeof controls>;

const readControl = listReader('message between nodes', controls);

/** Packets of messages between nodes. */
export class ControlCodec {
  readonly #seal: Seal;
  readonly #codec = new MessageCodec();

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  packet(subject: string, control: Control): Uint8Array {
    const body = this.#codec.encode(control);
    const packet = allocateShared(1 + body.length + this.#seal.bytes);
    packet[0] = PacketKind.control;
    packet.set(body, 1);
    this.#seal.close(packet, subject);
    return packet;
  }

  /** undefined for invalid data, or a stranger's. */
  read(subject: string, packet: Uint8Array): Control | undefined {
    if (packet[0] !== PacketKind.control || packet.length > mostBytes) return undefined;
    const body = this.#seal.open(packet, subject);
    if (body === undefined) return undefined;
    try {
      return readControl(this.#codec.decode(body.subarray(1)));
    } catch {
      return undefined;
    }
  }
}

const mostBytes = 1_024;
