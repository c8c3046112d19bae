import type { Frame } from './talk.ts';

const svgNamespace = 'http://www.w3.org/2000/svg';
const width = 640;
const height = 300;
const server = { x: width / 2, y: 46 };
const clientY = 240;
/** What is quicker than this cannot be seen. */
const leastMs = 180;
/** More than these at once only cost time. */
const mostDots = 250;

interface Wire {
  readonly line: SVGElement;
  readonly node: SVGElement;
  readonly label: SVGElement;
  readonly dots: Set<SVGElement>;
  x: number;
  up: boolean;
}

/** Draws the server, the clients and what travels between them. */
export class Stage {
  readonly element: SVGElement;
  readonly #wires: Wire[] = [];
  readonly #isStill: boolean;
  #dots = 0;

  constructor() {
    this.#isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.element = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', class: 'pg-stage' });
    this.element.append(
      make('rect', { x: server.x - 60, y: server.y - 22, width: 120, height: 44, rx: 8, class: 'pg-server' }),
      text(server.x, server.y + 5, 'Server'),
    );
    this.#describe();
  }

  addClient(): void {
    const number = this.#wires.length + 1;
    const line = make('line', { class: 'pg-wire pg-down' });
    const node = make('circle', { r: 24, class: 'pg-client' });
    const label = text(0, 0, `Client ${number}`);
    this.element.prepend(line);
    this.element.append(node, label);
    this.#wires.push({ line, node, label, dots: new Set(), x: 0, up: false });
    this.#arrange();
    this.#describe();
  }

  setLink(client: number, up: boolean): void {
    const wire = this.#wires[client];
    if (wire === undefined) return;
    wire.up = up;
    wire.line.setAttribute('class', up ? 'pg-wire' : 'pg-wire pg-down');
    if (!up) for (const dot of wire.dots) this.#remove(wire, dot);
    this.#describe();
  }

  show({ client, toServer, what, lagMs }: Frame): void {
    const wire = this.#wires[client];
    if (wire === undefined || this.#isStill || this.#dots >= mostDots) return;
    const dot = make('circle', { r: what === 'control' ? 3 : 6, class: `pg-dot pg-${what}` });
    const above = { x: server.x + (wire.x - server.x) * 0.14, y: server.y + 22 };
    const below = { x: wire.x, y: clientY - 24 };
    const [from, to] = toServer ? [below, above] : [above, below];
    this.element.append(dot);
    wire.dots.add(dot);
    this.#dots += 1;
    const moving = dot.animate(
      [{ transform: `translate(${from.x}px, ${from.y}px)` }, { transform: `translate(${to.x}px, ${to.y}px)` }],
      { duration: Math.max(leastMs, lagMs), easing: 'linear', fill: 'both' },
    );
    moving.onfinish = () => this.#remove(wire, dot);
  }

  clear(): void {
    for (const { line, node, label, dots } of this.#wires.splice(0)) {
      for (const element of [line, node, label, ...dots]) element.remove();
    }
    this.#dots = 0;
    this.#describe();
  }

  #remove(wire: Wire, dot: SVGElement): void {
    if (!wire.dots.delete(dot)) return;
    dot.remove();
    this.#dots -= 1;
  }

  #arrange(): void {
    for (const [at, wire] of this.#wires.entries()) {
      wire.x = (width * (at + 0.5)) / this.#wires.length;
      set(wire.line, { x1: server.x + (wire.x - server.x) * 0.14, y1: server.y + 22, x2: wire.x, y2: clientY - 24 });
      set(wire.node, { cx: wire.x, cy: clientY });
      set(wire.label, { x: wire.x, y: clientY + 44 });
    }
  }

  #describe(): void {
    const up = this.#wires.filter((wire) => wire.up).length;
    this.element.setAttribute('aria-label', `A server and ${this.#wires.length} clients, ${up} with a link.`);
  }
}

function make(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(svgNamespace, name);
  set(element, attributes);
  return element;
}

function set(element: SVGElement, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}

function text(x: number, y: number, words: string): SVGElement {
  const element = make('text', { x, y, 'text-anchor': 'middle', class: 'pg-label' });
  element.textContent = words;
  return element;
}
