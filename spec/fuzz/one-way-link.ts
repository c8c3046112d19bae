import type { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Link, LinkEvents } from '../../lib/transport/link.ts';

/** The other end of it is the fuzzer, which reads nothing but what was written first. */
export class OneWayLink implements Link {
  readonly kind: Link['kind'];
  readonly remote: string;
  readonly trusted: boolean;
  readonly socket = undefined;
  readonly bufferedBytes = 0;
  events: LinkEvents | undefined;
  /** The hello of whoever has this end. */
  opening: Uint8Array | undefined;

  constructor(kind: Link['kind'] = 'tcp', remote = '127.0.0.1') {
    this.kind = kind;
    this.remote = remote;
    this.trusted = kind !== 'tcp';
  }

  attach(events: LinkEvents): void {
    this.events = events;
  }

  write(bytes: Uint8Array): boolean {
    this.opening ??= bytes;
    return true;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    const { events } = this;
    this.events = undefined;
    events?.close();
  }

  release(): undefined {
    return undefined;
  }
}

/** What was put off, and what plugins do once their promises settled, some in a row. */
export async function turn(clock: VirtualClock): Promise<void> {
  clock.advance(0);
  for (let reactions = 0; reactions < 12; reactions++) await Promise.resolve();
}
