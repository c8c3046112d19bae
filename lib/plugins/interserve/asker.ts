/** What an upload brings in a second on average, once it may begin, while others find no room. */
const leastPace = 16 * 1024;
/** How long it is not asked for any. */
export const graceMs = 2_000;

/** What a peer asks to send, with the time since when it may, and what came of it. */
export interface Asker {
  readonly peer: unknown;
  /** Milliseconds since it may send; undefined while it may not. */
  sinceMs(): number | undefined;
  /** Bytes that came. */
  arrived(): number;
  /** It was too slow while others waited. */
  callOff(): void;
}

/** Whether it has had time, and has sent too little. */
export function isIdle(asker: Asker): boolean {
  const since = asker.sinceMs();
  return since !== undefined && since > graceMs && asker.arrived() < (leastPace * since) / 1_000;
}
