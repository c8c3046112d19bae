import type { PeerView } from '../view.ts';
import { shortOf, visible } from './elements.ts';

const [narrowest, widest] = [280, 560];
const most = 24;
const longestName = 14;

type Attributes = Readonly<Record<string, string | number>>;

function shape(tag: string, attributes: Attributes, text?: string): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = visible(text);
  return made;
}

const shorter = (text: string): string => (text.length > longestName ? `${text.slice(0, longestName - 1)}…` : text);

/** The server in the middle, its peers around it, and on the edges what goes to and fro in a second. */
export function drawGraph(into: HTMLElement, address: string, peers: readonly PeerView[]): void {
  const shown = peers.slice(0, most);
  const width = Math.min(widest, Math.max(narrowest, into.clientWidth));
  const height = Math.round(width * 0.3) + 190;
  const svg = shape('svg', {
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': `${peers.length} peers of ${address}`,
  });
  const [x, y] = [width / 2, height / 2];
  const busiest = Math.max(1, ...shown.map(({ rates }) => rates.in + rates.out));
  const edges: SVGElement[] = [];
  const nodes: SVGElement[] = [];
  for (const [at, peer] of shown.entries()) {
    const angle = (at / shown.length) * 2 * Math.PI - Math.PI / 2;
    const [px, py] = [x + Math.cos(angle) * (width / 2 - 62), y + Math.sin(angle) * (height / 2 - 44)];
    const rate = peer.rates.in + peer.rates.out;
    const edge = { x1: x, y1: y, x2: px, y2: py, 'stroke-width': 1 + (rate / busiest) * 7 };
    edges.push(shape('line', { ...edge, class: rate > 0 ? 'busy' : 'idle' }));
    const isTight = shown.length > 12;
    if (rate > 0 && !isTight) {
      const [mx, my] = [x * 0.4 + px * 0.6, y * 0.4 + py * 0.6];
      nodes.push(shape('text', { x: mx, y: my, class: 'soft' }, `${shortOf(rate)}/s`));
    }
    const kind = [peer.isSlow ? 'slow' : '', peer.attached ? '' : 'away'].join(' ').trim();
    nodes.push(shape('circle', { cx: px, cy: py, r: isTight ? 7 : 11, class: kind }));
    nodes.push(
      shape(
        'text',
        { x: px, y: py + (isTight ? 19 : 25), class: isTight ? 'soft' : '' },
        shorter(peer.name ?? peer.id),
      ),
    );
  }
  const server = [
    shape('circle', { cx: x, cy: y, r: 30, class: 'server' }),
    shape('text', { x, y: y + 4, class: 'server' }, 'server'),
  ];
  const left = peers.length - shown.length;
  const more = left > 0 ? [shape('text', { x, y: height - 6, class: 'soft' }, `and ${left} more`)] : [];
  svg.append(...edges, ...server, ...nodes, ...more);
  into.replaceChildren(svg);
}
