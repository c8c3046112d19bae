import { pack } from 'msgpackr';
import { createDeflater } from '../../lib/wire/fast-zlib.ts';
import { FrameType } from '../../lib/wire/native/header.ts';
import { BlockWriter } from '../../lib/wire/compression.ts';
import { frame } from '../support/stranger.ts';

/** How the peer that floods comes in. */
export type Entry =
  | 'unix'
  | 'tcp'
  | 'tls'
  | 'native deflate'
  | 'net-ipc'
  | 'net-ipc deflate'
  | 'page'
  | 'page, bytes of WebSocket'
  | 'joint'
  | 'hostile server'
  | 'hostile hub'
  | 'hostile net-ipc server';
/** Those that are flooded in the long table alone, but where a flood says otherwise. */
export const everywhere = ['unix', 'tcp', 'tls', 'page', 'hostile server'] as const;

export interface Flood {
  readonly name: string;
  readonly entry: Entry;
  /** What it may have kept by what `docs/options.md` says, in MiB. */
  readonly limitMiB: number;
  /** In the part that `npm test` runs. */
  readonly usual: boolean;
  make(bytes: number): Buffer;
}

/** 16 MiB of answers that are not taken and as much again that was asked for. */
export const limitMiB = 32;
/** Answers to what was begun before may take four times as much. */
export const begunMiB = 64 + 16;
/** As many requests as may be open, each with what a plugin keeps to answer it, beside that. */
export const openMiB = limitMiB + 32;
/** Two bodies of 16 MiB, with their values. */
export const bodyMiB = 64;
export const plain = 2;
export const raw = 3;
export const more = 4;

export const text = (value: unknown): Buffer => Buffer.from(pack(value));
export const openLane = (name: string): Buffer => frame(FrameType.open, plain, 1, 0, text(name));

/** As many of what `make` makes as fill `bytes`, behind `head`. */
export function many(bytes: number, make: (turn: number) => Buffer, head: Buffer = Buffer.alloc(0)): Buffer {
  const parts = [head];
  for (let size = 0, turn = 1; size < bytes; turn++) {
    const part = make(turn);
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts);
}

/** A body in as many frames as it takes. */
export function cut(type: number, encoding: number, lane: number, id: number, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 65_536) {
    const isLast = at + 65_536 >= body.length;
    parts.push(frame(type, encoding | (isLast ? 0 : more), lane, id, body.subarray(at, at + 65_536)));
  }
  return Buffer.concat(parts);
}

export function deflatedRecords(bytes: Buffer): Buffer {
  const deflater = createDeflater();
  const records = Buffer.concat(new BlockWriter(deflater).wrap(bytes));
  deflater.close();
  return records;
}

/** Gathers floods; `add` has the defaults. */
export class Floods {
  readonly all: Flood[] = [];

  add(name: string, make: Flood['make'], given: Partial<Flood> = {}): void {
    this.all.push({ name, entry: 'unix', limitMiB, usual: true, make, ...given });
  }
}
