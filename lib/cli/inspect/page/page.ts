import uPlot from 'uplot';
import type { PeerView, View } from '../view.ts';
import { drawGraph } from './graph.ts';
import { cell, element, find, shortOf, table, timeOf } from './elements.ts';
import { Plot } from './plot.ts';

/** What of a view travels to the page. */
interface Told extends View {
  /** The URL of the server. */
  readonly to: string;
}

interface Seen {
  readonly at: number;
  readonly peer: string;
  readonly name?: string;
  readonly direction: 'in' | 'out';
  readonly kind: string;
  readonly lane: string;
  readonly bytes: number;
  /** As a line of JSON. */
  readonly text: string;
  readonly cut: boolean;
}

const againMs = 2_000;
const mostMessages = 400;
const mostPeers = 200;

const rates = new Plot(uPlot, find('rates'), 'messages per second', ['in', 'out']);
const latency = new Plot(uPlot, find('latency'), 'milliseconds', ['round trip', 'loop p99']);
let isPaused = false;
let dropped = 0;
let before: { readonly count: number; readonly mean: number } | undefined;
let source: EventSource | undefined;

table('peers', ['peer', 'name', 'link', '#in/s', '#out/s', '#req/s', '#waiting', '#unacked', '#ms']);
table('messages', ['time', '', 'peer', 'kind', 'lane', '#bytes', 'data']);

function show(view: Told): void {
  const { now, cpu, peers } = view;
  const { stats } = now;
  find('address').textContent = now.address ?? '';
  find('process').textContent =
    `pid ${now.pid}, Node ${now.node}, ${shortOf(now.memoryBytes, 'B')} of memory, ${(cpu * 100).toFixed(0)} % of a processor`;
  const to = find<HTMLInputElement>('replay').querySelector<HTMLInputElement>('[name=to]');
  if (to !== null && to.defaultValue === '') to.defaultValue = view.to;
  figures(view);
  drawGraph(find('graph'), now.address ?? 'server', peers);
  find('peers')
    .querySelector('tbody')
    ?.replaceChildren(...peers.slice(0, mostPeers).map(peerRow));
  rates.add(now.at / 1_000, before === undefined ? [null, null] : [view.rates.in, view.rates.out]);
  const { count, mean } = stats.roundTripMs;
  const trips = count - (before?.count ?? count);
  const trip = before === undefined || trips <= 0 ? null : (count * mean - before.count * before.mean) / trips;
  before = { count, mean };
  latency.add(now.at / 1_000, [trip, now.loopMs?.p99 ?? null]);
}

function figures({ now, rates: { in: came, out, bytesIn, bytesOut, requests }, peers }: View): void {
  const { stats } = now;
  const away = peers.filter(({ attached }) => !attached).length;
  const slow = peers.filter(({ isSlow }) => isSlow).length;
  const refused = Object.values(stats.refused).reduce((sum, times) => sum + times, 0);
  const all: readonly (readonly [string, string, boolean?])[] = [
    ['peers', String(peers.length + now.peersLeftOut)],
    ['without a link', String(away), away > 0],
    ['slow', String(slow), slow > 0],
    ['in', `${shortOf(came)}/s`],
    ['out', `${shortOf(out)}/s`],
    ['bytes in', `${shortOf(bytesIn, 'B')}/s`],
    ['bytes out', `${shortOf(bytesOut, 'B')}/s`],
    ['requests', `${shortOf(requests)}/s`],
    ['open requests', String(stats.requests.open)],
    ['waiting', String(stats.waiting.messages), stats.waiting.messages > 0],
    ['refused', String(refused), refused > 0],
    ['late answers', String(stats.lateResponses), stats.lateResponses > 0],
  ];
  find('figures').replaceChildren(
    ...all.map(([name, value, isBad = false]) => {
      const one = element('div', isBad ? 'bad' : '');
      one.append(element('span', '', name), element('b', '', value));
      return one;
    }),
  );
}

function peerRow(peer: PeerView): HTMLElement {
  const row = element('tr', peer.isSlow ? 'slow' : '');
  const { rates: rate } = peer;
  row.append(
    cell(peer.id.length > 9 ? `${peer.id.slice(0, 8)}…` : peer.id),
    cell(peer.name ?? '', 'name'),
    cell(peer.attached ? (peer.link ?? '') : 'away'),
    ...[rate.in, rate.out, rate.requests, peer.waiting, peer.unackedBytes].map((value) =>
      cell(shortOf(value), 'number'),
    ),
    cell(peer.roundTripMs === undefined ? '' : shortOf(peer.roundTripMs), 'number'),
  );
  return row;
}

function list({ seen, dropped: more }: { readonly seen: readonly Seen[]; readonly dropped: number }): void {
  dropped += more;
  find('dropped').textContent = dropped === 0 ? '' : `${shortOf(dropped)} more were not shown`;
  if (isPaused) return;
  const body = find('messages').querySelector('tbody');
  const rows = seen.slice(-mostMessages).map((one) => {
    const row = element('tr');
    row.append(
      cell(timeOf(one.at)),
      cell(one.direction, one.direction),
      cell(one.name ?? one.peer, 'name'),
      cell(one.kind),
      cell(one.lane),
      cell(shortOf(one.bytes), 'number'),
      cell(one.text + (one.cut ? ' …' : ''), 'data'),
    );
    return row;
  });
  body?.prepend(...rows.reverse());
  while ((body?.childElementCount ?? 0) > mostMessages) body?.lastElementChild?.remove();
}

function connect(globs: string): void {
  source?.close();
  dropped = 0;
  const own = new EventSource(`events?filter=${encodeURIComponent(globs)}`);
  source = own;
  const state = find('state');
  own.addEventListener('open', () => {
    state.textContent = 'live';
    state.className = '';
  });
  own.addEventListener('error', () => {
    state.textContent = 'the server is gone; trying again';
    state.className = 'bad';
    // It does not go on by itself after an answer that is an error.
    if (own.readyState !== EventSource.CLOSED) return;
    setTimeout(() => {
      if (source === own) connect(globs);
    }, againMs);
  });
  own.addEventListener('view', ({ data }) => show(JSON.parse(data as string) as Told));
  own.addEventListener('seen', ({ data }) => list(JSON.parse(data as string)));
}

/** What a form says, by the names of its fields. */
function onSubmit(id: string, act: (given: FormData) => unknown): void {
  const form = find<HTMLFormElement>(id);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void act(new FormData(form));
  });
}

onSubmit('filter', (given) => {
  find('messages').querySelector('tbody')?.replaceChildren();
  connect(String(given.get('globs')));
});
find('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  find('pause').setAttribute('aria-pressed', String(isPaused));
});
onSubmit('record', (given) => {
  find('outcome').textContent = 'recording; the file is there when the time is over';
  const link = document.createElement('a');
  link.href = `record?seconds=${encodeURIComponent(String(given.get('seconds')))}`;
  link.download = 'busbar.recording';
  link.click();
});
onSubmit('replay', async (given) => {
  const outcome = find('outcome');
  outcome.textContent = 'replaying';
  const query = new URLSearchParams({ to: String(given.get('to')), speed: String(given.get('speed')) });
  try {
    const answer = await fetch(`replay?${query}`, { method: 'POST', body: given.get('file') as File });
    outcome.textContent = await answer.text();
  } catch (error) {
    outcome.textContent = String(error);
  }
});
connect('');
