import { FrameType, headerBytes, readUint32 } from '../../lib/wire/native/header.ts';
import { busOn } from './bus.ts';
import type { Frame, FrameKind, News, Order } from './talk.ts';
import { Wires } from './wires.ts';

// The worker of the playground: runs the code of the page, and says what happens on the wires.

/** Of the events of one picture, more than these are not drawn. */
const mostFrames = 60;
const pictureMs = 40;

const counts = { sent: 0, arrived: 0, cuts: 0 };
let frames: Frame[] = [];
let changed = false;
let losing: ReturnType<typeof setInterval> | undefined;

const tell = (news: News): void => postMessage(news);

const wires = new Wires({
  linked(client, up) {
    tell({ kind: 'link', client, up });
  },
  written(client, toServer, bytes) {
    for (const what of kindsIn(bytes)) {
      if (frames.length < mostFrames) frames.push({ client, toServer, what, lagMs: wires.lagMs });
    }
  },
});

const busbar = busOn(wires, {
  client: (client) => tell({ kind: 'client', client }),
  sent() {
    counts.sent += 1;
    changed = true;
  },
  arrived() {
    counts.arrived += 1;
    changed = true;
  },
  session: (client, outcome) => tell({ kind: 'session', client, outcome }),
});

setInterval(() => {
  if (frames.length > 0) {
    tell({ kind: 'frames', frames });
    frames = [];
  }
  if (!changed) return;
  changed = false;
  tell({ kind: 'counts', ...counts });
}, pictureMs);

/** What the frames of one write are. The opening is a packet of net-ipc's, which begins with another byte. */
function* kindsIn(bytes: Uint8Array): Generator<FrameKind> {
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = readUint32(bytes, at);
    const kind = kindOf(bytes[at + 4]);
    if (kind === undefined || length > 0xff_ffff) {
      yield 'opening';
      return;
    }
    yield kind;
    at += 4 + length;
  }
}

function kindOf(type: number | undefined): FrameKind | undefined {
  if (type === FrameType.message) return 'message';
  if (type === FrameType.request || type === FrameType.ping) return 'request';
  if (type === FrameType.response || type === FrameType.failure || type === FrameType.pong) return 'answer';
  return Object.values<number | undefined>(FrameType).includes(type) ? 'control' : undefined;
}

function print(isError: boolean) {
  return (...values: readonly unknown[]): void => tell({ kind: 'print', text: values.map(shown).join(' '), isError });
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${'code' in value ? String(value.code) : value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

const complain = print(true);
addEventListener('unhandledrejection', (event) => complain(event.reason));
addEventListener('error', (event) => complain(event.message));

type Program = (bus: typeof busbar, console: object) => Promise<unknown>;
const AsyncFunction = (async () => {}).constructor as new (...source: string[]) => Program;

async function run(code: string): Promise<void> {
  const source = code.replace(/^\s*import\s*(\{[^}]*\})\s*from\s*(['"])busbar\2;?/gm, 'const $1 = busbar;');
  try {
    const console = { log: print(false), info: print(false), warn: complain, error: complain };
    await new AsyncFunction('busbar', 'console', source)(busbar, console);
  } catch (error) {
    complain(error);
  }
}

function cut(all: boolean): void {
  counts.cuts += wires.cut(all);
  changed = true;
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  if (data.kind === 'run') void run(data.code);
  else if (data.kind === 'lag') wires.lagMs = data.ms;
  else if (data.kind === 'kill') cut(true);
  else {
    clearInterval(losing);
    losing = data.everyMs > 0 ? setInterval(() => cut(false), data.everyMs) : undefined;
  }
});
