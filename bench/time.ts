/** Milliseconds of the system's steady clock, which all processes of one machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
