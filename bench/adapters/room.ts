/** From so many bytes on that a socket holds, senders wait. */
export const fullBytes = 1_048_576;

interface Writable {
  readonly writableLength: number;
  setMaxListeners(count: number): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Resolves when every socket that holds too much has handed it on; undefined when none does. */
export function room(sockets: Iterable<Writable | null>): Promise<unknown> | undefined {
  let waits: Promise<unknown>[] | undefined;
  for (const socket of sockets) {
    if (socket === null || socket.writableLength < fullBytes) continue;
    socket.setMaxListeners(0);
    waits ??= [];
    waits.push(new Promise<void>((resolve) => socket.once('drain', resolve) as void));
  }
  return waits === undefined ? undefined : Promise.all(waits);
}
