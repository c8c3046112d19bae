import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { type Client, Server } from '../../../lib/index.ts';

/** Each spec of a block begins with a folder of its own, which is removed once `over` has settled. */
export function eachInOwnFolder(begin: (home: string) => void, over: () => Promise<unknown>): void {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    begin(home);
  });
  afterEach(async () => {
    await over();
    rmSync(home, { recursive: true, force: true });
  });
}

/** What a spec of clients and servers begins with. */
export interface OwnPlace {
  readonly home: string;
  /** Where its server listens. */
  readonly path: string;
  /** Its clients and servers, which are closed at its end. */
  readonly open: { close(): Promise<unknown> }[];
  /** The codes of their errors that it is to look at. */
  readonly errors: string[];
}

/** Each spec of a block has a place of its own: the object returned is that of the present one. */
export function ownPlace(): OwnPlace {
  const place = { home: '', path: '', open: [] as { close(): Promise<unknown> }[], errors: [] as string[] };
  eachInOwnFolder(
    (home) => Object.assign(place, { home, path: join(home, 'bus.sock'), open: [], errors: [] }),
    () => Promise.all(place.open.map((end) => end.close())),
  );
  return place;
}

/** What listeners of this end hear from now on. */
export function hear(end: Server | Client): unknown[] {
  const heard: unknown[] = [];
  const listener = (data: unknown): void => void heard.push(data);
  if (end instanceof Server) end.on('message', listener);
  else end.on('message', listener);
  return heard;
}
