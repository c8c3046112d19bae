import { example } from './example.ts';
import { Stage } from './stage.ts';
import type { News, Order } from './talk.ts';

/** The page keeps as many lines of what the code printed. */
const mostLines = 200;
/** By the position of the slider: how often a link is lost. */
const lossesMs = [0, 10_000, 5_000, 2_000, 1_000];

export interface Editor {
  readonly text: string;
  replace(text: string): void;
  close(): void;
}

export interface PlaygroundOptions {
  /** Where the worker is. */
  readonly worker: string;
  readonly makeEditor: (place: HTMLElement, text: string) => Editor;
}

/** Puts the playground into a page, running. */
export function mountPlayground(place: HTMLElement, options: PlaygroundOptions): { close(): void } {
  const stage = new Stage();
  const counts = element('dl', { class: 'pg-counts' });
  const log = element('div', { class: 'pg-log', role: 'log', tabindex: '0', 'aria-label': 'What the code printed' });
  const code = element('div', { class: 'pg-code' });
  const lag = slider('Lag', '0', '1500', '50', '400', (value) => `${value} ms each way`);
  const loss = slider('Lost links', '0', String(lossesMs.length - 1), '1', '0', (value) => {
    const everyMs = lossesMs[Number(value)] ?? 0;
    return everyMs === 0 ? 'none' : `one every ${everyMs / 1_000} s`;
  });
  const cells = new Map(
    ['sent', 'arrived', 'on the way', 'links cut', 'sessions resumed', 'sessions lost'].map((name) => {
      const value = element('dd', {}, '0');
      const pair = element('div', {});
      pair.append(element('dt', {}, name), value);
      counts.append(pair);
      return [name, value] as const;
    }),
  );
  let worker: Worker | undefined;
  let resumed = 0;
  let lost = 0;

  const tell = (order: Order): void => worker?.postMessage(order);
  const show = (name: string, value: number): void => {
    const cell = cells.get(name);
    if (cell !== undefined) cell.textContent = String(value);
  };
  const print = (words: string, isError: boolean): void => {
    const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
    log.append(element('div', isError ? { class: 'pg-error' } : {}, words));
    while (log.childElementCount > mostLines) log.firstElementChild?.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };
  const hear = (news: News): void => {
    if (news.kind === 'client') stage.addClient();
    else if (news.kind === 'link') stage.setLink(news.client, news.up);
    else if (news.kind === 'frames') for (const frame of news.frames) stage.show(frame);
    else if (news.kind === 'print') print(news.text, news.isError);
    else if (news.kind === 'session') {
      if (news.outcome === 'resumed') resumed += 1;
      if (news.outcome === 'lost') lost += 1;
      show('sessions resumed', resumed);
      show('sessions lost', lost);
    } else {
      show('sent', news.sent);
      show('arrived', news.arrived);
      show('on the way', news.sent - news.arrived);
      show('links cut', news.cuts);
    }
  };
  const stop = (): void => {
    worker?.terminate();
    worker = undefined;
  };
  const run = (): void => {
    stop();
    stage.clear();
    log.replaceChildren();
    resumed = 0;
    lost = 0;
    for (const name of cells.keys()) show(name, 0);
    worker = new Worker(options.worker, { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<News>) => hear(data);
    tell({ kind: 'lag', ms: Number(lag.input.value) });
    tell({ kind: 'loss', everyMs: lossesMs[Number(loss.input.value)] ?? 0 });
    tell({ kind: 'run', code: editor.text });
  };

  lag.input.addEventListener('input', () => tell({ kind: 'lag', ms: Number(lag.input.value) }));
  loss.input.addEventListener('input', () => tell({ kind: 'loss', everyMs: lossesMs[Number(loss.input.value)] ?? 0 }));
  const bar = element('div', { class: 'pg-bar' });
  bar.append(
    button('Run', run, 'pg-run'),
    button('Stop', stop),
    button('Reset the code', () => {
      editor.replace(example);
      run();
    }),
  );
  const faults = element('div', { class: 'pg-bar' });
  faults.append(
    lag.label,
    loss.label,
    button('Kill the links', () => tell({ kind: 'kill' }), 'pg-kill'),
  );
  const left = element('div', { class: 'pg-left' });
  left.append(bar, code);
  const right = element('div', { class: 'pg-right' });
  right.append(faults, stage.element, counts, log);
  place.replaceChildren(left, right);
  const editor = options.makeEditor(code, example);
  run();
  return {
    close() {
      stop();
      editor.close();
    },
  };
}

function element(name: string, attributes: Readonly<Record<string, string>>, words?: string): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

function button(words: string, press: () => void, name = ''): HTMLElement {
  const made = element('button', { type: 'button', class: `pg-button ${name}` }, words);
  made.addEventListener('click', press);
  return made;
}

function slider(
  words: string,
  min: string,
  max: string,
  step: string,
  value: string,
  shown: (value: string) => string,
) {
  const label = element('label', { class: 'pg-slider' });
  const input = document.createElement('input');
  const output = element('output', {}, shown(value));
  Object.assign(input, { type: 'range', min, max, step, value });
  input.addEventListener('input', () => {
    output.textContent = shown(input.value);
    input.setAttribute('aria-valuetext', shown(input.value));
  });
  input.setAttribute('aria-valuetext', shown(value));
  label.append(element('span', {}, words), input, output);
  return { label, input };
}
