import type { Numbers, Params } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { nextTurn, now } from '../time.ts';
import { type BusScenario, type ClientSide, hasRoomFor, type ServerSide } from './bus-scenario.ts';
import type { Metric } from './scenario.ts';

/** A rate is taken from each of these to the next one, counted from the first request or message of both processes. */
const marks = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000];
const firstMark = 30_000;
/** One at a time the others take too long. */
const fewMarks = 4;
/** Whoever is slower gets no figure for the last marks. */
const longestMs = 50_000;

const nameOf = (mark: number): string => `to${mark / 1_000}k`;

function metricsOf(unit: string, count: number): readonly Metric[] {
  return [
    { name: 'first30k', unit: `${unit}/s`, better: 'higher' },
    ...marks.slice(0, count).map((mark) => ({ name: nameOf(mark), unit: `${unit}/s`, better: 'higher' }) as const),
    { name: 'firstMs', unit: 'ms to the first', better: 'lower' },
  ];
}

/** `times`: when the first one arrived, then when each mark was reached. */
function ratesOf(startedAt: number, [first = Number.NaN, ...reached]: readonly number[]): Numbers {
  const numbers: Record<string, number> = { firstMs: first - startedAt };
  for (const [n, at] of reached.entries()) {
    const mark = marks[n] ?? 0;
    const [from, since] = n === 0 ? [0, startedAt] : [marks[n - 1] ?? 0, reached[n - 1] ?? startedAt];
    numbers[nameOf(mark)] = ((mark - from) * 1_000) / (at - since);
    if (mark === firstMark) numbers['first30k'] = (mark * 1_000) / (at - startedAt);
  }
  return numbers;
}

async function askFromCold({ ends }: ClientSide, { inFlight, count }: Params): Promise<Numbers> {
  const [end] = ends;
  const { values } = payload('game');
  const last = marks[Number(count) - 1] ?? 0;
  const times: number[] = [];
  const startedAt = now();
  let asked = 0;
  let answered = 0;
  const ask = async (): Promise<void> => {
    while (asked < last) {
      asked += 1;
      await end?.request?.(values[asked % values.length] as object);
      answered += 1;
      if (answered === 1 || answered === marks[times.length - 1]) times.push(now());
    }
  };
  const late = setTimeout(() => (asked = last), longestMs);
  await Promise.all(Array.from({ length: Number(inFlight) }, ask));
  clearTimeout(late);
  return ratesOf(startedAt, times);
}

function requests(name: string, title: string, inFlight: number, count: number): BusScenario {
  return {
    name,
    title,
    metrics: metricsOf('requests', count),
    variants: [{ name: 'game object', clients: 1, params: { inFlight, count } }],
    suits: hasRoomFor,
    measure: ({ clients }, { params }) => clients.call('askFromCold', params),
    clientCommands: { askFromCold },
  };
}

export const coldPipelined = requests(
  'cold-pipelined',
  'Both processes just started, no warm-up: requests with 256 in flight, from one mark to the next.',
  256,
  marks.length,
);

export const coldSequential = requests(
  'cold-sequential',
  'Both processes just started, no warm-up: one request at a time, from one mark to the next.',
  1,
  fewMarks,
);

/** When the first message arrived, and when each mark was reached. */
async function watch({ messages }: ServerSide): Promise<Numbers> {
  const times: Record<string, number> = {};
  for (const mark of [1, ...marks]) times[mark] = await messages.until(mark);
  return times;
}

async function sendFromCold({ ends }: ClientSide): Promise<Numbers> {
  const [end] = ends;
  const { values } = payload('game');
  const last = marks.at(-1) ?? 0;
  const startedAt = now();
  for (let sent = 0; sent < last && now() - startedAt < longestMs; ) {
    let waits: Promise<unknown> | undefined;
    for (let n = 0; n < 128; n++) {
      sent += 1;
      waits = end?.send(values[sent % values.length] as object);
    }
    await waits;
    await nextTurn();
  }
  return { startedAt };
}

export const coldOneWay: BusScenario = {
  name: 'cold-one-way',
  title: 'Both processes just started, no warm-up: messages in bursts of 128, from one mark to the next.',
  metrics: metricsOf('messages', marks.length),
  variants: [{ name: 'game object', clients: 1, params: {} }],
  suits: hasRoomFor,
  async measure({ server, clients }) {
    const watching = server.call('watch');
    const { startedAt = 0 } = await clients.call('sendFromCold');
    const times = await watching;
    return ratesOf(
      startedAt,
      [1, ...marks].map((mark) => times[mark] ?? Number.NaN),
    );
  },
  clientCommands: { sendFromCold },
  serverCommands: { watch },
};
