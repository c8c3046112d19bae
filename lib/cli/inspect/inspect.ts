import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../bus/inspect/inspection-snapshot.ts';
import type { Looker } from '../../bus/inspect/looker.ts';
import { exitCode, Misuse } from '../failure.ts';
import { printableJson } from '../../base/printable.ts';
import type { Program } from '../program.ts';
import { urlOf, wholeNumber } from '../reach.ts';
import { lookCommand, looking, type LookValues } from './commands.ts';
import { PageServer } from './page-server.ts';
import { Recorder } from './recorder.ts';
import { replay } from './replay.ts';
import type { Batch } from './tap.ts';
import { SnapshotFeed } from './snapshots.ts';
import { sorted, viewOf } from './view.ts';

const everyMs = 1_000;
const mostPages = 8;
const mostPeers = 500;
const mostSeconds = 3_600;
const mostUnreadBytes = 64 * 1_048_576;

interface Values extends LookValues {
  readonly open?: true;
  readonly port: number;
}

/** `busbar inspect`: the same as a page. */
export function addInspect(program: Program): void {
  const { around } = program;
  lookCommand<Values>(
    program,
    'inspect',
    'a page on this machine: peers, plots, messages, recordings',
    async (words, values) => {
      const address = words[0] ?? '';
      const to = urlOf(address);
      // Whether it may look is known before there is a page.
      await looking(address, values, (looker, left) => new SnapshotFeed(looker).next(left.timeout));
      let pages = 0;
      const counted =
        (answer: (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => Promise<void>) =>
        async (request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> => {
          if (pages >= mostPages) throw new Misuse(`there are ${mostPages} pages already`);
          pages += 1;
          try {
            await answer(request, response, query);
          } finally {
            pages -= 1;
          }
        };
      const server = new PageServer({
        'GET events': counted((_, response, query) => stream(address, values, to, response, query)),
        'GET record': counted((_, response, query) => record(address, values, response, query)),
        'POST replay': counted(async (request, response, query) => {
          const settings = {
            to: query.get('to') ?? to,
            speed: Number(query.get('speed') ?? 1),
            timeout: values.timeout,
          };
          const outcome = await replay(request, settings);
          response.writeHead(200, { 'Content-Type': 'application/json' }).end(`${printableJson(outcome)}\n`);
        }),
      });
      const url = await server.start(values.port);
      around.out(`${url}\n`);
      if (values.open === true) open(url);
      await new Promise<void>((resolve) => around.onSignal(() => resolve()));
      await server.close();
      return exitCode.done;
    },
  )
    .option('--open', 'open it in the browser')
    .option('--port <number>', 'to listen on; by default a free one', wholeNumber, 0)
    .addHelpText('after', '\nIts first line is the URL, with a token in it, without which nobody gets anything.\n');
}

/** Until the page goes: a view a second, and what goes by. */
async function stream(
  address: string,
  values: LookValues,
  to: string,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const globs = (query.get('filter') ?? '').split(/\s+/).filter((glob) => glob !== '');
  let missed = 0;
  const send = (event: string, json: string): void => void response.write(`event: ${event}\ndata: ${json}\n\n`);
  // What goes by may come in one turn with the answer that it will, and before it.
  const begin = (): void => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  };
  const told = (data: unknown): void => {
    begin();
    const { seen, dropped } = data as Batch;
    missed += dropped;
    // A page that reads slowly is told how many it missed.
    if (response.writableNeedDrain) {
      missed += seen.length;
      return;
    }
    const rows = seen.map(({ data: value, ...one }) => ({ ...one, text: printableJson(value ?? null) }));
    send('seen', printableJson({ seen: rows, dropped: missed }));
    missed = 0;
  };
  const watch = async (looker: Looker, { timeout }: { readonly timeout: number }): Promise<void> => {
    await looker.ask('tap', { globs, sample: 1, whole: false }, timeout);
    begin();
    let isOver = false;
    looker.onClose(() => response.destroy());
    response.once('close', () => (isOver = true));
    const feed = new SnapshotFeed(looker);
    for (let before: Snapshot | undefined; !isOver; ) {
      const now = await feed.next(timeout);
      const view = viewOf(now, before);
      before = now;
      const { peers: _, ...server } = now;
      const peers = sorted(view.peers, 'slow').slice(0, mostPeers);
      const left = now.peersLeftOut + view.peers.length - peers.length;
      if (!response.writableNeedDrain)
        send('view', printableJson({ ...view, to, now: { ...server, peersLeftOut: left }, peers }));
      await sleep(everyMs);
    }
  };
  await looking(address, values, watch, told);
}

async function record(
  address: string,
  values: LookValues,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const seconds = Math.min(mostSeconds, Math.max(1, Number(query.get('seconds')) || 10));
  const recorder = new Recorder((bytes) => void response.write(bytes));
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': 'attachment; filename="busbar.recording"',
    });
    recorder.begin();
  };
  const watch = async (looker: Looker, { timeout }: { readonly timeout: number }): Promise<void> => {
    await looker.ask('tap', { globs: [], sample: 1, whole: true }, timeout);
    begin();
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    let isDone = false;
    looker.onClose(() => isDone || response.destroy());
    await Promise.race([gone, sleep(seconds * 1_000)]);
    isDone = true;
  };
  const told = (data: unknown): void => {
    begin();
    recorder.add(data as Batch);
    // Who does not read it gets a download that fails.
    if (response.writableLength > mostUnreadBytes) response.destroy();
  };
  await looking(address, values, watch, told);
  response.end();
}

function open(url: string): void {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  const child = spawn(program ?? '', [...args, url], { stdio: 'ignore', detached: true });
  // Who has no browser has the URL.
  child.once('error', () => {});
  child.unref();
}
