import { line } from '../../base/printable.ts';
import { cut, fit, lasting, short } from './text.ts';
import { type Order, orders, type PeerView, sorted, type View } from './view.ts';

/** What of a view is looked at. */
export interface Looking {
  readonly order: Order;
  readonly isReversed: boolean;
  readonly isFrozen: boolean;
  /** The peer under the cursor, and whether it is opened. */
  readonly selected: string | undefined;
  readonly isOpen: boolean;
}

const bold = (text: string): string => `\u001B[1m${text}\u001B[22m`;
const inverse = (text: string): string => `\u001B[7m${text}\u001B[27m`;
const red = (text: string): string => `\u001B[31m${text}\u001B[39m`;

interface Column {
  readonly head: string;
  readonly width: number;
  readonly side: 'left' | 'right';
  readonly order?: Order;
  readonly of: (peer: PeerView) => string;
}

const columns: readonly Column[] = [
  { head: 'PEER', width: 9, side: 'left', of: ({ id }) => id },
  { head: 'NAME', width: 13, side: 'left', of: ({ name }) => name ?? '-' },
  { head: 'LINK', width: 6, side: 'left', of: ({ link, attached }) => (attached ? (link ?? '-') : 'away') },
  { head: 'IN/S', width: 6, side: 'right', order: 'in', of: ({ rates }) => short(rates.in) },
  { head: 'OUT/S', width: 6, side: 'right', order: 'out', of: ({ rates }) => short(rates.out) },
  { head: 'REQ/S', width: 6, side: 'right', order: 'requests', of: ({ rates }) => short(rates.requests) },
  { head: 'B/S', width: 6, side: 'right', order: 'bytes', of: ({ rates }) => short(rates.bytesIn + rates.bytesOut) },
  { head: 'WAIT', width: 6, side: 'right', order: 'waiting', of: ({ waiting }) => short(waiting) },
  { head: 'UNACK', width: 6, side: 'right', of: ({ unackedBytes }) => short(unackedBytes) },
  { head: 'MS', width: 5, side: 'right', order: 'trip', of: ({ roundTripMs }) => short(roundTripMs) },
];

/** The lines of a table: the server, its heads, and as many peers as there is room for. */
export function topLines(view: View, looking: Looking, width: number, rows: number, isPlain: boolean): string[] {
  const head = [...serverLines(view), ''];
  const peers = sorted(view.peers, looking.order, looking.isReversed);
  const opened = looking.isOpen ? peers.find(({ id }) => id === looking.selected) : undefined;
  const footer = isPlain ? [] : ['', keys(looking)];
  const room = Math.max(1, rows - head.length - footer.length - 1);
  const body = opened === undefined ? table(peers, looking, room, isPlain) : details(opened, view);
  const lines = [...head, ...body.slice(0, room + 1)];
  while (!isPlain && lines.length < rows - footer.length) lines.push('');
  return [...lines, ...footer].map((text) => (text.includes('\u001B') ? text : cut(text, width)));
}

function serverLines({ now, rates, cpu, peers }: View): string[] {
  const { stats, loopMs } = now;
  const away = peers.filter(({ attached }) => !attached).length;
  const slow = peers.filter(({ isSlow }) => isSlow).length;
  const refused = Object.values(stats.refused).reduce((sum, count) => sum + count, 0);
  const loop = loopMs === undefined ? '-' : `${short(loopMs.p99)} ms`;
  return [
    `${now.address ?? '-'}  pid ${now.pid}  node ${now.node}  up ${lasting(now.uptimeS * 1_000)}`,
    `cpu ${(cpu * 100).toFixed(0)} %  memory ${short(now.memoryBytes)}B  loop p99 ${loop}  round trip p99 ${short(stats.roundTripMs.p99)} ms`,
    `peers ${peers.length + now.peersLeftOut} (${away} away, ${slow} slow)  in ${short(rates.in)}/s ${short(rates.bytesIn)}B/s  out ${short(rates.out)}/s ${short(rates.bytesOut)}B/s`,
    `requests ${short(rates.requests)}/s, ${stats.requests.open} open  waiting ${stats.waiting.messages}  refused ${refused}  late ${stats.lateResponses}  undelivered ${stats.undelivered}`,
  ].map(line);
}

function table(peers: readonly PeerView[], looking: Looking, room: number, isPlain: boolean): string[] {
  const heads = columns.map(({ head, width, side, order }) => {
    const isChosen = order !== undefined && order === looking.order;
    return fit(isChosen ? `${head}${looking.isReversed ? '^' : 'v'}` : head, width, side);
  });
  const selected = Math.max(
    0,
    peers.findIndex(({ id }) => id === looking.selected),
  );
  const hidden = isPlain ? 0 : Math.max(0, Math.min(selected - room + 2, peers.length - room + 1));
  const first = peers.length <= room ? 0 : hidden;
  const isAll = peers.length - first <= room;
  const shown = peers.slice(first, first + (isAll ? room : room - 1));
  const lines = shown.map((peer, at) => {
    const text = columns.map((column) => fit(column.of(peer), column.width, column.side)).join(' ');
    if (isPlain) return text.trimEnd();
    if (first + at === selected && looking.selected !== undefined) return inverse(text);
    return peer.isSlow ? red(text) : text;
  });
  const rest = peers.length - first - shown.length;
  const more = rest > 0 ? [`… and ${rest} more`] : [];
  const title = heads.join(' ');
  return [isPlain ? title : bold(title), ...lines, ...more];
}

function details(peer: PeerView, { now }: View): string[] {
  const { limits } = now;
  const rows: readonly (readonly [string, string])[] = [
    ['peer', `${peer.id}  ${peer.name ?? ''}`],
    [
      'address',
      `${peer.address ?? '-'}  ${peer.link ?? ''}  ${peer.attached ? 'has a link' : 'has no link'}  ${peer.delivery}`,
    ],
    ['connected', `${lasting(now.at - peer.since)} ago`],
    ['messages', `${peer.received} in, ${peer.sent} out`],
    [
      'requests',
      `${peer.requestsReceived} in (${peer.handling} being handled), ${peer.requestsSent} out (${peer.open} open), ${peer.late} answers late`,
    ],
    ['bytes', `${peer.bytesReceived} in, ${peer.bytesSent} out`],
    [
      'unacknowledged',
      `${peer.unackedMessages} of ${limits['maxPendingMessages'] ?? '-'}, ${peer.unackedBytes} bytes of ${limits['maxUnackedBytes'] ?? '-'}`,
    ],
    ['waiting', String(peer.waiting)],
    ['round trip', peer.roundTripMs === undefined ? '-' : `${peer.roundTripMs.toFixed(2)} ms on average`],
    ['slow', `${peer.slow} times`],
    ['without contract', String(peer.fallbacks)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(16)}  ${line(value)}`);
}

const keys = ({ isFrozen, isOpen }: Looking): string =>
  isOpen
    ? 'esc back   q quit'
    : `${isFrozen ? bold('frozen') : 'live'}   s sort   r reverse   f freeze   up/down, enter: open a peer   q quit`;

/** The order behind `order`. */
export function nextOrder(order: Order): Order {
  const all = Object.keys(orders) as Order[];
  return all[(all.indexOf(order) + 1) % all.length] ?? 'slow';
}
