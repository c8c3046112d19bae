/** Something one end accepted for sending. */
export interface Parcel {
  readonly lane: string;
  /** Counts the parcels of its lane and direction in this session from 0. */
  readonly number: number;
  readonly bytes: number;
  readonly data: unknown;
  taken: boolean;
  acknowledged: boolean;
}

export class Violation extends Error {}

/** What one direction of one session owes: everything accepted, what of it was taken, what was acknowledged. */
export class Ledger {
  readonly parcels: Parcel[] = [];
  readonly #byLane = new Map<string, Parcel[]>();
  readonly #taken = new Map<string, number>();

  nextNumber(lane: string): number {
    return this.#byLane.get(lane)?.length ?? 0;
  }

  /** Notes an accepted parcel; `data` must hold what `nextNumber` said. */
  accepted(lane: string, bytes: number, data: unknown): Parcel {
    const ofLane = this.#byLane.get(lane) ?? [];
    this.#byLane.set(lane, ofLane);
    const parcel: Parcel = { lane, number: ofLane.length, bytes, data, taken: false, acknowledged: false };
    ofLane.push(parcel);
    this.parcels.push(parcel);
    return parcel;
  }

  /** The peer's handler got `data`. */
  took(lane: string, data: unknown): void {
    const expected = this.#taken.get(lane) ?? 0;
    const number = numberOf(data);
    if (number < expected) throw new Violation(`lane "${lane}": ${number} was delivered twice`);
    if (number > expected) throw new Violation(`lane "${lane}": ${number} came where ${expected} was due`);
    const parcel = this.#byLane.get(lane)?.[number];
    if (parcel === undefined) throw new Violation(`lane "${lane}": ${number} was never sent in this session`);
    if (!isSame(parcel.data, data)) throw new Violation(`lane "${lane}": ${number} is not what was sent`);
    parcel.taken = true;
    this.#taken.set(lane, expected + 1);
  }

  acknowledged(parcel: Parcel): void {
    if (parcel.acknowledged) throw new Violation(`lane "${parcel.lane}": ${parcel.number} was acknowledged twice`);
    if (!parcel.taken)
      throw new Violation(`lane "${parcel.lane}": ${parcel.number} was acknowledged before it was taken`);
    parcel.acknowledged = true;
  }

  /** `reported` is to be all that was not acknowledged, each lane in order. */
  lost(reported: readonly unknown[]): void {
    for (const lane of this.#byLane.keys()) {
      const due = this.parcels.filter((parcel) => parcel.lane === lane && !parcel.acknowledged);
      const said = reported.filter((parcel) => due.includes(parcel as Parcel));
      if (due.length !== said.length || due.some((parcel, at) => said[at] !== parcel)) {
        throw new Violation(`lane "${lane}": ${said.length} undelivered were reported in place of ${due.length}`);
      }
    }
    const open = this.parcels.filter(({ acknowledged }) => !acknowledged).length;
    if (reported.length !== open)
      throw new Violation(`${reported.length} undelivered were reported in place of ${open}`);
  }

  /** Everything was taken and acknowledged. */
  settled(): boolean {
    return this.parcels.every(({ taken, acknowledged }) => taken && acknowledged);
  }
}

/** A body that holds `number`; which of the kinds it is depends on `shape`, its size on `padding`. */
export function makeBody(number: number, shape: number, padding: number): unknown {
  switch (shape) {
    case 0:
      return { number, text: 'x'.repeat(padding) };
    case 1: {
      const bytes = Buffer.alloc(4 + padding, number);
      bytes.writeUInt32BE(number);
      return bytes;
    }
    case 2:
      return { number, at: { lat: number / 3, lon: -number }, tags: ['a', 'b'], [`key${padding % 7}`]: padding };
    default:
      return number;
  }
}

function numberOf(data: unknown): number {
  if (typeof data === 'number') return data;
  if (Buffer.isBuffer(data)) return data.readUInt32BE(0);
  if (typeof data === 'object' && data !== null && 'number' in data) return Number(data.number);
  throw new Violation(`${JSON.stringify(data)} was never sent`);
}

function isSame(sent: unknown, taken: unknown): boolean {
  if (sent === taken) return true;
  if (typeof sent !== 'object' || typeof taken !== 'object' || sent === null || taken === null) return false;
  if (Buffer.isBuffer(sent)) return Buffer.isBuffer(taken) && sent.equals(taken);
  const keys = Object.keys(sent);
  return (
    Array.isArray(sent) === Array.isArray(taken) &&
    keys.length === Object.keys(taken).length &&
    keys.every((key) => isSame(sent[key as never], taken[key as never]))
  );
}
