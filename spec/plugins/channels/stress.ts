import { randomBytes, randomInt } from 'node:crypto';
import { ChannelError, type OwnerEnd, Reason, type Rooms } from '../../../lib/plugins/channels/index.ts';
import { JointClient } from './joint/joint-client.ts';
import { JointPeer } from './joint/joint-peer.ts';
import { Meeting } from './meeting.ts';

export interface StressOptions {
  readonly seconds: number;
  /** It goes on until so many chunks came back and so many entered, for a minute at the most. */
  readonly least?: { readonly echoed: number; readonly channels: number; readonly entered: number };
  readonly peers: number;
}

/** What a stress found out. */
export interface StressResult {
  /** Chunks that came back and were compared. */
  echoed: number;
  channels: number;
  entered: number;
  /** What should not have happened, as sentences. */
  readonly faults: string[];
}

const names = 10;
const longerMs = 60_000;

/**
 * Owners echo every chunk to its sender, users send chunks of 1 to 32,768 random bytes and compare what comes back, while
 * channels come and go. Half of the peers are on the bus, half speak the joint protocol.
 */
export async function stress({ seconds, peers, least }: StressOptions): Promise<StressResult> {
  const meeting = await new Meeting('tcp', { joint: { port: 0, maxPerAddress: 1_000 } }).start();
  const run = new Stress(meeting, performance.now() + seconds * 1_000, least);
  try {
    const roles = Array.from({ length: peers }, (_, index) => run.peer(index));
    await Promise.all(roles);
    for (const error of meeting.errors) run.result.faults.push(`the server reported ${String(error)}`);
    return run.result;
  } finally {
    await meeting.close();
  }
}

class Stress {
  readonly result: StressResult = { echoed: 0, channels: 0, entered: 0, faults: [] };
  readonly #meeting: Meeting;
  readonly #endMs: number;
  readonly #least: NonNullable<StressOptions['least']>;

  constructor(meeting: Meeting, endMs: number, least: StressOptions['least']) {
    this.#meeting = meeting;
    this.#endMs = endMs;
    this.#least = least ?? { echoed: 0, channels: 0, entered: 0 };
  }

  /** One peer until the time is over: every tenth is an owner. */
  async peer(index: number): Promise<void> {
    const name = `stress ${Math.floor(index / 20) % names}`;
    try {
      if (index % 2 === 0) {
        const rooms = await this.#meeting.rooms();
        if (index % 20 < 2) await this.#busOwner(rooms, name);
        else await this.#busUser(rooms);
      } else {
        const client = new JointClient(await JointPeer.tcp(this.#meeting.relay.jointPort ?? 0));
        if (index % 20 < 2) await this.#jointOwner(client, name);
        else await this.#jointUser(client);
        client.close();
      }
    } catch (error) {
      this.result.faults.push(`peer ${index}: ${String(error)}`);
    }
  }

  get #going(): boolean {
    const { echoed, channels, entered } = this.result;
    const least = this.#least;
    const isLittle = echoed <= least.echoed || channels <= least.channels || entered <= least.entered;
    return performance.now() < this.#endMs + (isLittle ? longerMs : 0);
  }

  async #busOwner(rooms: Rooms, name: string): Promise<void> {
    while (this.#going) {
      const owner: OwnerEnd | undefined = await rooms.create(name, { mode: 'chunk' }).catch(expected);
      if (owner === undefined) {
        await pause(20);
        continue;
      }
      this.result.channels += 1;
      owner.on('chunk', (bytes, user) => owner.sendChunk(user, bytes));
      owner.on('error', (reason) => this.result.faults.push(`an owner heard ${reason}`));
      await pause(randomInt(200, 1_000));
      owner.close();
    }
  }

  async #busUser(rooms: Rooms): Promise<void> {
    while (this.#going) {
      const user = await rooms.enter(`stress ${randomInt(names)}`, { mode: 'chunk' }).catch(expected);
      if (user === undefined) {
        await pause(10);
        continue;
      }
      this.result.entered += 1;
      let answered: (bytes: Uint8Array | undefined) => void = () => undefined;
      user.on('chunk', (bytes) => answered(bytes));
      user.on('disconnect', () => answered(undefined));
      for (let round = randomInt(5, 50); round > 0 && this.#going && user.closed === undefined; round -= 1) {
        const chunk = randomBytes(randomInt(1, 32_769));
        const answer = new Promise<Uint8Array | undefined>((resolve) => {
          answered = resolve;
        });
        await user.sendChunk(chunk).catch(() => answered(undefined));
        this.#compare(chunk, await answer);
      }
      user.leave();
    }
  }

  async #jointOwner(client: JointClient, name: string): Promise<void> {
    while (this.#going) {
      client.create(name);
      const joint = await replied(client);
      if (joint === undefined) {
        await pause(20);
        continue;
      }
      this.result.channels += 1;
      const until = performance.now() + randomInt(200, 1_000);
      const timer = setTimeout(() => client.remove(joint), until - performance.now());
      // Data that was under way when the channel ended is read with the next one's reply.
      while (performance.now() < until) {
        const unit = await Promise.race([client.next(), pause(until - performance.now() + 50)]);
        if (unit === undefined || unit.type === 'end') break;
        if (unit.type !== 'data') continue;
        for (const chunk of client.chunks(unit.user, unit.bytes)) client.sendChunk(joint, chunk, unit.user);
      }
      clearTimeout(timer);
      client.close();
      client = new JointClient(await JointPeer.tcp(this.#meeting.relay.jointPort ?? 0));
    }
    client.close();
  }

  async #jointUser(client: JointClient): Promise<void> {
    while (this.#going) {
      client.enter(`stress ${randomInt(names)}`);
      const joint = await replied(client);
      if (joint === undefined) {
        await pause(10);
        continue;
      }
      this.result.entered += 1;
      let present = true;
      for (let round = randomInt(5, 50); round > 0 && present && this.#going; round -= 1) {
        const chunk = randomBytes(randomInt(1, 32_769));
        client.sendChunk(joint, chunk);
        const answer = await echoOf(client);
        present = answer !== undefined;
        this.#compare(chunk, answer);
      }
      client.close();
      client = new JointClient(await JointPeer.tcp(this.#meeting.relay.jointPort ?? 0));
    }
    client.close();
  }

  #compare(sent: Uint8Array, answer: Uint8Array | undefined): void {
    if (answer === undefined) return;
    if (Buffer.compare(sent, answer) === 0) this.result.echoed += 1;
    else this.result.faults.push(`${sent.length} bytes came back as ${answer.length} others`);
  }
}

/** The channel may just not be there, or be there already. */
function expected(error: unknown): undefined {
  if (error instanceof ChannelError && error.reason === Reason.ID) return undefined;
  throw error;
}

/** The joint number of a create or enter; undefined if it was refused. */
async function replied(client: JointClient): Promise<number | undefined> {
  for (;;) {
    const unit = await client.next();
    if (unit.type === 'end') throw new Error('the relay closed the connection');
    if (unit.type === 'reply') return unit.ok ? unit.value : undefined;
  }
}

/** The next chunk; undefined when the channel is gone. */
async function echoOf(client: JointClient): Promise<Uint8Array | undefined> {
  for (;;) {
    const unit = await client.next();
    if (unit.type === 'end') throw new Error('the relay closed the connection');
    if (unit.type === 'event' && unit.kind === 2) return undefined;
    if (unit.type !== 'data') continue;
    const [chunk] = client.chunks(unit.user, unit.bytes);
    if (chunk !== undefined) return chunk;
  }
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), Math.max(0, ms)));
}
